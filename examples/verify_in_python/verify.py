#!/usr/bin/env python3
"""Verifies logs of aegrail, by docs/AUDIT.md and with none of its code. Python 3.9 or newer, its standard library alone.

    python3 verify.py [--json] FILE...        - is standard input

Exit code 0: every log is right. 1: one is not; its first bad line and the fault are named. 2: wrong use, or a file that
can't be read.
"""

import argparse
import hashlib
import json
import re
import sys

from canonical import MAX_SAFE, canonical, parse
from forms import HEX64, PAYLOADS, RECORD
from ledger import Ledger

MAX_LINE_BYTES = 16 * 1024 * 1024
HASH_MEMBER = re.compile(rb',"hash":"([0-9a-f]{64})"')
GENESIS = "0" * 64
IDENTITY = ("agent_identity", "invoking_user", "principal")


class Fault(Exception):
    """A line that is wrong: the fault's name in docs/AUDIT.md, and what it means here."""

    def __init__(self, name, why):
        super().__init__(why)
        self.name = name


class Session:
    """What must be kept of a session to check its next record."""

    def __init__(self):
        self.records = 0
        self.head = GENESIS
        self.ended = False
        self.last = None  # the last record of version 1
        self.ledger = Ledger()  # None once an unknown record was met

    def take(self, record):
        """Checks a record whose own line is right. Returns whether its version and event are known."""
        self._check_place_in_chain(record)
        known = check_form(record)
        self._check_start_and_end(record, known)
        if record["v"] == 1:
            self._check_same_session(record, known)
        if not known:
            self.ledger = None
        found = self.ledger and self.ledger.take(record)
        if found:
            raise Fault(*found)
        self.records += 1
        self.head = record["hash"]
        self.ended = record["event"] == "session_ended"
        return known

    def _check_place_in_chain(self, record):
        seq = record["seq"]
        if seq > self.records:
            raise Fault("gap", f"record {self.records} is missing before record {seq}")
        if seq < self.records:
            raise Fault("repeated", f"record {seq} where {self.records} comes next")
        if record["prev_hash"] != self.head:
            raise Fault("prev_hash_mismatch", "prev_hash is not the hash of the record before")

    def _check_start_and_end(self, record, known):
        starts = record["event"] == "session_started"
        if self.ended:
            raise Fault("after_end", "a record after session_ended")
        if self.records == 0 and not starts:
            raise Fault("no_start", "the first record is not session_started")
        if self.records > 0 and starts:
            raise Fault("second_start", "session_started again")
        if known and record["event"] == "session_ended" and record["payload"]["records"] != self.records + 1:
            raise Fault("wrong_count", "session_ended counts another number of records")

    def _check_same_session(self, record, known):
        last, self.last = self.last, record
        starts = known and record["event"] == "session_started"
        if starts and record["payload"]["workflow_id"] != record["session_id"]:
            raise Fault("wrong_workflow", "workflow_id is not session_id")
        if last is None:
            return
        for name in IDENTITY:
            if record[name] != last[name]:
                raise Fault("other_identity", f"{name} is not that of the records before it")
        # Times have one form: they compare as text.
        if record["ts"] < last["ts"]:
            raise Fault("time_went_back", "ts is before that of the record before it")


def check_form(record):
    """Whether the record is of a version and an event that are known here. Fault when it should have another form."""
    version, event = record.get("v"), record.get("event")
    if type(version) is not int or version < 1 or type(event) is not str:
        raise Fault("bad_form", "v is not a version, or event is not text")
    if version != 1:
        return False
    if not RECORD(record):
        raise Fault("bad_form", "not the members of a record")
    if event not in PAYLOADS:
        return False
    if not PAYLOADS[event](record["payload"]):
        raise Fault("bad_form", f"not the payload of {event}")
    return True


def read_record(line):
    """The record of one line, whose bytes are as they must be. Says nothing of its place."""
    if line == b"":
        raise Fault("empty_line", "an empty line")
    if line.endswith(b"\r"):
        raise Fault("crlf", "a carriage return at its end")
    try:
        record = parse(line.decode("utf-8"))
    except RecursionError:
        record = None  # Deeper than any record may be. Whether it was changed can still be said.
    except ValueError as error:
        raise Fault("not_json", "not JSON") from error
    if record is not None and type(record) is not dict:
        raise Fault("not_json", "not a JSON object")
    found = HASH_MEMBER.search(line)
    start = line.find(b',"hash":"')
    if not found or found.start() != start or (record is not None and record.get("hash") != found[1].decode()):
        raise Fault("no_hash", "no hash where it must be")
    if hashlib.sha256(line[: found.start()] + line[found.end() :]).hexdigest() != found[1].decode():
        raise Fault("hash_mismatch", "the hash is not that of the line")
    if record is None or not is_canonical(record, line):
        raise Fault("not_canonical", "not in canonical form")
    check_link_members(record)
    return record


def is_canonical(value, line):
    try:
        return canonical(value).encode("utf-8") == line
    except ValueError:  # a number too large, a lone surrogate, nested too deep
        return False


def check_link_members(record):
    session_id, seq, prev_hash = record.get("session_id"), record.get("seq"), record.get("prev_hash")
    if type(session_id) is not str or session_id == "":
        raise Fault("bad_link", "session_id is not text")
    if type(seq) is not int or not 0 <= seq <= MAX_SAFE:
        raise Fault("bad_link", "seq is not a whole number from 0")
    if type(prev_hash) is not str or not HEX64.fullmatch(prev_hash):
        raise Fault("bad_link", "prev_hash is not 64 hex digits")


def split_lines(stream):
    """The lines of a binary stream without their newlines, never more than one of them in memory."""
    while True:
        line = stream.readline(MAX_LINE_BYTES + 1)
        if line == b"":
            return
        if not line.endswith(b"\n"):
            if len(line) > MAX_LINE_BYTES:
                raise Fault("too_long", "longer than 16 MiB")
            raise Fault("no_newline", "no newline at its end")
        line = line[:-1]
        try:
            line.decode("utf-8")
        except UnicodeDecodeError as error:
            raise Fault("not_utf8", "bytes that are not UTF-8") from error
        yield line


def verify(stream):
    """What a log is found to be, as a dict."""
    sessions, line, unknown = {}, 0, 0
    try:
        for text in split_lines(stream):
            record = read_record(text)
            session = sessions.setdefault(record["session_id"], Session())
            unknown += not session.take(record)
            line += 1
        if line == 0:
            raise Fault("no_records", "there is no record")
    except Fault as fault:
        return {"ok": False, "line": line + 1, "fault": fault.name, "why": str(fault)}
    summaries = [
        {"session_id": name, "records": session.records, "head": session.head, "ended": session.ended}
        for name, session in sessions.items()
    ]
    return {"ok": True, "records": line, "unknown": unknown, "sessions": summaries}


def describe(file, result):
    if not result["ok"]:
        return f"{file}:{result['line']}: {result['fault']}: {result['why']}"
    unknown = f", {result['unknown']} of them unknown: from there on the ledger is too" if result["unknown"] else ""
    lines = [f"{file}: ok, {result['records']} records{unknown}"]
    for session in result["sessions"]:
        end = "ended" if session["ended"] else "not ended: it runs, or its tail is missing"
        lines.append(f"  {ascii(session['session_id'])}: {session['records']} records, head {session['head']}, {end}")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description="Verifies logs of aegrail.")
    parser.add_argument("files", metavar="FILE", nargs="+", help="a log as JSON lines; - for standard input")
    parser.add_argument("--json", action="store_true", help="one JSON document a file")
    options = parser.parse_args()
    code = 0
    for file in options.files:
        try:
            if file == "-":
                result = verify(sys.stdin.buffer)
            else:
                with open(file, "rb") as stream:
                    result = verify(stream)
        except OSError as error:
            print(f"{file} can not be read: {error.strerror}", file=sys.stderr)
            return 2
        print(json.dumps({"file": file, **result}) if options.json else describe(file, result))
        code = code if result["ok"] else 1
    return code


if __name__ == "__main__":
    sys.exit(main())
