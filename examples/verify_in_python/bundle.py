"""Verifies a bundle: manifest, contracts, log of logs, records. Each in one pass, with a few words a session in memory."""

import checkpoints
from checkpoints import KeptCheck, check_order
from contract import read_contracts
from costs import CostCheck
from entries import KeyHistory, read_entry
from findings import VERDICTS, Findings
from heads import HeadCheck
from ledger import Ledger
from lines import Fault, read_lines
from log import LogCheck
from manifest import NAME, Bundle
from merkle import Tree

ENTRIES, RECORDS, KEYS = "entries.jsonl", "records.jsonl", "keys.txt"
MAX_KEYS_BYTES = 1024 * 1024


def verify_bundle(root, keys=(), kept=(), witnesses=()):
    """What a bundle is found to be, as a dict. keys, kept (checkpoints) and witnesses are what the auditor brought along."""
    findings = Findings()
    bundle = Bundle(root, findings)
    if bundle.manifest is None:
        for verdict in VERDICTS[1:]:
            findings.unchecked(verdict, "the bundle has no manifest that can be gone by")
        return _result(findings, [], 0, 0, None)
    manifest = bundle.manifest
    contracts = read_contracts(bundle, findings)
    tree = None
    if manifest["origin"] is None:
        _tell_unsigned(kept, witnesses, findings)
    else:
        tree = LogOfLogs(bundle, kept, findings)
        tree.read()
        judge_keys(tree, keys, findings)
        judge_witnesses(tree, witnesses, findings)
        compare_key_file(tree, bundle, findings)
    records = Records(bundle, contracts, tree and tree.heads, findings)
    sessions = records.log.summaries()
    if tree:
        tree.heads.end(sessions)
    else:
        for session in sessions:
            if not session["ended"]:
                findings.unchecked("completeness", f"{session['session_id']} has not ended: more may follow")
    totals = {
        "sessions": len(sessions), "records": records.read, "entries": tree.tree.size if tree else 0,
        "checkpoints": tree.checkpoints if tree else 0,
    }  # fmt: skip
    for name, total in totals.items():
        if manifest[name] != total:
            why = f"{name} says {manifest[name]}, and there are {total}"
            findings.found(Fault("wrong_total", why), file=NAME, line=1)
    findings.unchecked("history", "this verifier has no histories")
    about = {name: manifest[name] for name in ("origin", "created", "query", "hash")}
    return _result(findings, sessions, records.read, records.log.unknown, about)


class LogOfLogs:
    """Entries and checkpoints, read side by side."""

    def __init__(self, bundle, kept, findings):
        self.tree = Tree()
        self.keys = KeyHistory()
        self.heads = HeadCheck(bundle.manifest["query"], findings)
        self.checkpoints = 0
        self.first = None
        self.last = None
        self._bundle = bundle
        self._findings = findings
        self._kept = KeptCheck(kept, bundle.manifest["origin"], findings)
        self._entries = lines_of(bundle, ENTRIES, findings)

    def read(self):
        self._kept.take_root(self.tree)
        for number, line in lines_of(self._bundle, checkpoints.FILE, self._findings):
            self.checkpoints += 1
            try:
                checkpoint = checkpoints.read_line(line)
            except ValueError as error:
                self._found(checkpoints.FILE, number, Fault("bad_checkpoint", str(error)))
                continue
            for fault in self._check(checkpoint, number):
                self._found(checkpoints.FILE, number, fault)
            self.first = self.first or checkpoint
            self.last = checkpoint
        covered = self.tree.size
        while self._read_entry():
            pass
        if self.tree.size > covered:
            fault = Fault("uncovered_entry", f"{self.tree.size - covered} entries are under no checkpoint")
            self._found(ENTRIES, covered + 1, fault)
        self._kept.end()

    def _check(self, checkpoint, number):
        manifest = self._bundle.manifest
        if checkpoint.origin != manifest["origin"]:
            yield Fault("bad_checkpoint", "its origin is not that of the manifest: it is of another log")
        yield from check_order(checkpoint, self.last, "since" in manifest["query"])
        self._kept.take_checkpoint(checkpoint, number)
        if checkpoint.size >= self.tree.size:
            yield from self._check_root(checkpoint)
        fault = self.keys.check_note(checkpoint.note, checkpoint.size)
        if fault:
            yield fault

    def _check_root(self, checkpoint):
        while self.tree.size < checkpoint.size:
            if not self._read_entry():
                yield Fault("entries_missing", f"it is over {checkpoint.size} entries, there are {self.tree.size}")
                return
        if self.tree.root() != checkpoint.root:
            yield Fault("wrong_root", f"the tree of the first {checkpoint.size} entries has another root")

    def _read_entry(self):
        """Whether there was another one."""
        number, line = next(self._entries, (None, None))
        if number is None:
            return False
        self.tree.append(line)
        try:
            entry = read_entry(line)
        except ValueError as error:
            self._found(ENTRIES, number, Fault("bad_entry", str(error)))
            entry = None
        fault = self.keys.take(entry)
        if fault:
            self._found(ENTRIES, number, fault)
        if entry and entry["kind"] == "head":
            self.heads.take_head(entry, number)
        self._kept.take_root(self.tree)
        return True

    def _found(self, file, line, fault):
        self._findings.found(fault, file=file, line=line)


def lines_of(bundle, name, findings, on_fault=None):
    """The lines of a bundle's file: none when it is not there. on_fault(line, fault) is told of what can be no line."""
    stream, on_end = bundle.open(name)
    if stream is None:
        return
    try:
        yield from read_lines(stream, on_fault or (lambda line, fault: findings.found(fault, file=name, line=line)), on_end)
    finally:
        stream.close()


def judge_keys(tree, given, findings):
    """Whether the keys that signed are those that the auditor trusts. Each was signed in by the one before it."""
    if not given:
        findings.unchecked("authenticity", "no --key was given, so nobody says whose keys the log's are")
        return
    known = {key.key.vkey for key in tree.keys.keys}
    if not any(key.vkey in known for key in given):
        fault = Fault("unknown_key", "no key that was given with --key is one of the log's")
        findings.found(fault, file=checkpoints.FILE, line=1)


def judge_witnesses(tree, witnesses, findings):
    """Each witness must have cosigned the last checkpoint: that one holds all others."""
    for witness in witnesses:
        where = {"file": checkpoints.FILE, "line": tree.checkpoints}
        if tree.last is None or not tree.last.note.signatures_of(witness):
            findings.found(Fault("no_cosignature", f"{witness.id} has not cosigned the last checkpoint"), **where)
        elif tree.last.note.cosigned_at(witness) is None:
            findings.found(Fault("bad_cosignature", f"the cosignature of {witness.id} is not one of this text"), **where)


def compare_key_file(tree, bundle, findings):
    """keys.txt is for people, who may take a key from it: it must not show another one than the entries do."""
    right = "".join(f"{known.key.vkey}\n" for known in tree.keys.keys)
    if bundle.whole(KEYS, MAX_KEYS_BYTES) != right.encode("utf-8"):
        findings.found(Fault("wrong_keys", "it does not list the keys of the entries, one a line"), file=KEYS, line=1)


class Records:
    """The records of a bundle: what they are found to be, and what of them could not be looked at."""

    def __init__(self, bundle, contracts, heads, findings):
        self._contracts = contracts
        self._findings = findings
        self._gaps = 0
        self._bad_lines = 0
        self.log = LogCheck(self._on_fault, self._checks_of, heads.take_record if heads else lambda record, line: None)
        for number, line in lines_of(bundle, RECORDS, findings, self._on_bad_line):
            self.log.take(line, number)
        if self.log.lines + self._bad_lines == 0:
            self._on_fault(1, Fault("no_records", "there is no record"), None)
        self.read = self.log.lines - self.log.unread
        self._tell_unchecked()

    def _on_fault(self, line, fault, session_id):
        self._gaps += fault.name == "gap"
        self._findings.found(fault, file=RECORDS, line=line, session_id=session_id)

    def _on_bad_line(self, line, fault):
        self._bad_lines += 1
        self._on_fault(line, fault, None)

    def _checks_of(self, session_id):
        return [Ledger().take, CostCheck(self._contracts, self._on_missing).take]

    def _on_missing(self, sha256):
        self._findings.unchecked("ledger", f"costs: the contract {sha256} is not at hand")

    def _tell_unchecked(self):
        tell, unread = self._findings.unchecked, self.log.unread + self._bad_lines
        if self.read == 0:
            tell("integrity", "there is no record")
            tell("ledger", "there is no record")
        if self.log.unknown:
            tell("ledger", f"{self.log.unknown} records of a newer release, and what comes after them")
        if unread:
            tell("ledger", f"{unread} lines that could not be read")
        if self._gaps:
            tell("integrity", f"the links of {self._gaps} records after missing ones")
        for session_id, session in self.log.sessions.items():
            if not session.is_folded:
                tell("ledger", f"{session_id}, for records are missing or unreadable")


def _tell_unsigned(kept, witnesses, findings):
    findings.unchecked("completeness", "there are no checkpoints: a tail or a session that is missing does not show")
    findings.unchecked("authenticity", "there are no checkpoints: nothing is signed")
    for _, path, line in kept[:1]:
        fault = Fault("rolled_back", "the bundle has no checkpoints, and this one was kept")
        findings.found(fault, file=path, outside=True, line=line)
    for witness in witnesses:
        findings.found(Fault("no_cosignature", f"there are no checkpoints: {witness.id} cosigned nothing"), file=NAME)


def _result(findings, sessions, records, unknown, about):
    verdicts = findings.verdicts()
    is_ok = all(verdict["status"] != "bad" for verdict in verdicts.values())
    return {
        "ok": is_ok, **verdicts, "records": records, "unknown": unknown, "sessions": sessions, "bundle": about,
    }  # fmt: skip
