"""Checkpoints: C2SP tlog-checkpoint with four lines of ours, one after the other."""

import hashlib
import re

from canonical import MAX_SAFE, canonical, parse
from forms import HEX64, time
from lines import Fault, read_lines
from signatures import ORIGIN, Note, from_base64

FILE = "checkpoints.jsonl"
DECIMAL = re.compile(r"0|[1-9][0-9]{0,15}")
MAX_CADENCE_SECONDS = 86_400
NO_PREVIOUS = "0" * 64


class Checkpoint:
    """A checkpoint with its signed note. ValueError when it is none."""

    def __init__(self, note):
        self.note = Note(note)
        lines = self.note.text[:-1].split("\n")
        if len(lines) != 7:
            raise ValueError("no checkpoint: it needs seven lines")
        self.origin = lines[0]
        self.size = _decimal(lines[1])
        root = from_base64(lines[2])
        self.number = _decimal(_value(lines[3], "number "))
        self.time = _value(lines[4], "time ")
        self.cadence = _decimal(_value(lines[5], "cadence "))
        self.previous = _value(lines[6], "previous ")
        self.hash = hashlib.sha256(self.note.data).hexdigest()
        if not ORIGIN.fullmatch(self.origin) or root is None or len(root) != 32 or not time(self.time):
            raise ValueError("no checkpoint: its origin, root or time is none")
        self.root = root.hex()
        if not 1 <= self.cadence <= MAX_CADENCE_SECONDS or not HEX64.fullmatch(self.previous):
            raise ValueError("no checkpoint: its cadence or previous is none")
        if (self.number == 0) != (self.previous == NO_PREVIOUS):
            raise ValueError("previous must be 64 zeros when the number is 0, and only then")


def read_line(line):
    """The checkpoint of a line {"note":"..."}. ValueError when it is none."""
    try:
        value = parse(line.decode("utf-8"))
    except RecursionError as error:
        raise ValueError("nested too deep") from error
    note = value.get("note") if type(value) is dict else None
    if type(note) is not str or canonical({"note": note}).encode("utf-8") != line:
        raise ValueError('not {"note":"..."} in canonical form')
    return Checkpoint(note)


def read_kept(path):
    """Checkpoints that were kept elsewhere, with file and line: one signed note, or lines of JSON. ValueError for others."""
    with open(path, "rb") as stream:
        data = stream.read()
    if data.startswith(b"{"):
        with open(path, "rb") as stream:
            return [(read_line(line), path, number) for number, line in read_lines(stream, _refuse)]
    return [(Checkpoint(data.decode("utf-8")), path, 1)]


def check_order(checkpoint, before, may_begin_later):
    """What is wrong with a checkpoint after the one before it, which is None for the first: a list of faults."""
    number = checkpoint.number
    if before is None:
        is_first = number == 0 or may_begin_later
        return [] if is_first else [Fault("checkpoint_missing", f"number {number} is the first one")]
    faults = []
    if number > before.number + 1:
        faults.append(Fault("checkpoint_missing", f"number {number} comes after number {before.number}"))
    elif number <= before.number:
        faults.append(Fault("bad_checkpoint", f"number {number} comes after number {before.number}"))
    elif checkpoint.previous != before.hash:
        faults.append(Fault("previous_mismatch", f"previous is not the hash of number {before.number}"))
    if checkpoint.size < before.size:
        faults.append(Fault("rolled_back", f"it is over fewer entries than number {before.number}: the log was cut"))
    if checkpoint.time < before.time:
        faults.append(Fault("bad_checkpoint", f"its time is before that of number {before.number}"))
    return faults


class KeptCheck:
    """Holds a bundle against checkpoints that were kept: what was seen of a log once must be in it for ever."""

    def __init__(self, kept, origin, findings):
        self._findings = findings
        self._waiting = []
        self._by_number = {}
        for checkpoint, path, line in kept:
            if checkpoint.origin == origin:
                self._waiting.append((checkpoint, path, line))
                self._by_number[checkpoint.number] = checkpoint
            else:
                self._tell("bad_checkpoint", "it was kept of another log", path, line)
        self._waiting.sort(key=lambda item: item[0].size)

    def take_root(self, tree):
        while self._waiting and self._waiting[0][0].size == tree.size:
            checkpoint, path, line = self._waiting.pop(0)
            if checkpoint.root != tree.root():
                self._tell("forked", "the bundle's tree has another root at its size: there are two logs", path, line)

    def take_checkpoint(self, checkpoint, line):
        kept = self._by_number.get(checkpoint.number)
        if kept and kept.hash != checkpoint.hash:
            self._findings.found(Fault("forked", "another one was kept under this number"), file=FILE, line=line)

    def end(self):
        for _, path, line in self._waiting:
            self._tell("rolled_back", "it is over more entries than the bundle has: the log was cut", path, line)

    def _tell(self, fault, why, path, line):
        self._findings.found(Fault(fault, why), file=path, outside=True, line=line)


def _decimal(text):
    if not DECIMAL.fullmatch(text) or int(text) > MAX_SAFE:
        raise ValueError("no checkpoint: not a whole number without leading zeros")
    return int(text)


def _value(line, name):
    if not line.startswith(name):
        raise ValueError(f"no checkpoint: a line does not begin with {name}")
    return line[len(name) :]


def _refuse(number, fault):
    raise ValueError(f"line {number}: {fault}")
