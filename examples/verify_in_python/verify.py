#!/usr/bin/env python3
"""Verifies logs and bundles of aegrail, by docs/AUDIT.md and with none of its code. Python 3.9 or newer.

    python3 verify.py [--json] LOG...           - is standard input
    python3 verify.py [--json] [--key VKEY]... [--witness VKEY]... [--checkpoint FILE]... BUNDLE_FOLDER...

Exit code 0: nothing wrong was found; what could not be checked is told. 1: something is wrong, and it is named. 2: wrong
use, or something can't be read.
"""

import argparse
import json
import os
import sys

from bundle import verify_bundle
from checkpoints import read_kept
from findings import VERDICTS
from ledger import Ledger
from lines import Fault, read_lines
from log import LogCheck
from signatures import LOG, WITNESS, Key


def verify(stream):
    """What a log is found to be up to its first fault, as a dict."""

    def on_fault(line, fault, session_id=None):
        fault.line = line
        raise fault

    log = LogCheck(on_fault, lambda session_id: [Ledger().take])
    try:
        for number, line in read_lines(stream, on_fault):
            log.take(line, number)
        if log.lines == 0:
            on_fault(1, Fault("no_records", "there is no record"))
    except Fault as fault:
        return {"ok": False, "line": fault.line, "fault": fault.name, "why": str(fault)}
    return {"ok": True, "records": log.lines, "unknown": log.unknown, "sessions": log.summaries()}


def describe_log(file, result):
    if not result["ok"]:
        return [f"{file}:{result['line']}: {result['fault']}: {result['why']}"]
    return [f"{file}: ok, {result['records']} records{_unknown(result)}", *_sessions(result)]


def describe_bundle(folder, result):
    lines = []
    for name in VERDICTS:
        for finding in result[name]["findings"]:
            path = finding["file"] if "outside" in finding else os.path.join(folder, finding["file"])
            place = f"{path}:{finding['line']}" if "line" in finding else path
            lines.append(f"{ascii(place)[1:-1]}: {finding['fault']}: {finding['why']}")
    lines.append(f"{folder}: {'nothing wrong was found' if result['ok'] else 'bad'}, {result['records']} records{_unknown(result)}")
    for name in VERDICTS:
        unchecked = "".join(f"; not checked: {ascii(why)[1:-1]}" for why in result[name]["unchecked"])
        lines.append(f"  {name}: {result[name]['status']}{unchecked}")
    return [*lines, *_sessions(result)]


def _unknown(result):
    return f", {result['unknown']} of them unknown: from there on the ledger is too" if result["unknown"] else ""


def _sessions(result):
    for session in result["sessions"]:
        end = "ended" if session["ended"] else "not ended: it runs, or its tail is missing"
        yield f"  {ascii(session['session_id'])}: {session['records']} records, head {session['head']}, {end}"


def check(target, trust):
    """The result for a log's file or a bundle's folder, and its description. OSError when it can't be read."""
    if target == "-":
        result = verify(sys.stdin.buffer)
    elif os.path.isdir(target):
        result = verify_bundle(target, *trust)
        return result, describe_bundle(target, result)
    else:
        with open(target, "rb") as stream:
            result = verify(stream)
    return result, describe_log(target, result)


def tell(text):
    """Prints, also where who reads has read enough, as head does: what is found is still the exit code."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        # From here on into nothing: the interpreter flushes once more at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def main():
    parser = argparse.ArgumentParser(description="Verifies logs and bundles of aegrail.")
    parser.add_argument("targets", metavar="FILE", nargs="+", help="a log, - for standard input, or a bundle's folder")
    parser.add_argument("--json", action="store_true", help="one JSON document a file or bundle")
    parser.add_argument("--key", metavar="VKEY", action="append", default=[], help="a key that the log must be signed by")
    parser.add_argument("--witness", metavar="VKEY", action="append", default=[], help="a witness that must have cosigned")
    parser.add_argument("--checkpoint", metavar="FILE", action="append", default=[], help="checkpoints kept elsewhere")
    options = parser.parse_args()
    target, code = None, 0
    try:
        keys = [Key(text, LOG) for text in options.key]
        witnesses = [Key(text, WITNESS) for text in options.witness]
        kept = []
        for target in options.checkpoint:
            kept += read_kept(target)
        for target in options.targets:
            result, lines = check(target, (keys, kept, witnesses))
            code = code if result["ok"] else 1
            tell(json.dumps({"file": target, **result}) if options.json else "\n".join(lines))
    except OSError as error:
        print(f"{target} can not be read: {error.strerror}", file=sys.stderr)
        return 2
    except ValueError as error:
        print(f"{target or 'wrong use'}: {error}", file=sys.stderr)
        return 2
    return code


if __name__ == "__main__":
    sys.exit(main())
