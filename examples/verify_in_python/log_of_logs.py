"""A bundle's log of logs: its entries, the tree of them, its checkpoints, and whose keys signed them."""

import checkpoints
from checkpoints import KeptCheck, check_order
from entries import KeyHistory, read_entry
from heads import HeadCheck
from lines import Fault
from merkle import Tree

ENTRIES, KEYS = "entries.jsonl", "keys.txt"
MAX_KEYS_BYTES = 1024 * 1024


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
        self._entries = bundle.lines(ENTRIES)

    def read(self):
        self._kept.take_root(self.tree)
        for number, line in self._bundle.lines(checkpoints.FILE):
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
