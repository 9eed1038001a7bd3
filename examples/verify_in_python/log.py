"""The records of a log, line by line: each one's own bytes, its place in the chain, and its form."""

import hashlib
import re

from canonical import MAX_SAFE, is_canonical, parse
from forms import ENDINGS, HEX64, PAYLOADS, RECORD
from lines import Fault

HASH_MEMBER = re.compile(rb',"hash":"([0-9a-f]{64})"')
GENESIS = "0" * 64
IDENTITY = ("agent_identity", "invoking_user", "principal")
# After these the records that follow can still be folded into the ledger.
FOLDABLE = {
    "hash_mismatch", "no_hash", "not_canonical", "prev_hash_mismatch", "wrong_workflow", "wrong_count", "other_identity",
    "time_went_back", "wrong_run", "event_went_back",
}  # fmt: skip


class Session:
    """What must be kept of a session to check its next record."""

    def __init__(self, checks):
        self.records = 0
        self.head = GENESIS
        self.ended = False
        self.last = None  # the last record of version 1
        self.checks = checks  # of the ledger: asked in order until they find something
        self.is_folded = True


class LogCheck:
    """Takes the lines of a log, and goes on after a fault.

    on_fault(line, fault, session_id or None) is told of what is wrong, on_record(record, line) of each record that can be read.
    checks_of(session_id) makes the checks that fold a session's records: check(record, known) returns a Fault or None.
    """

    def __init__(self, on_fault, checks_of=lambda session_id: [], on_record=lambda record, line: None):
        self._on_fault = on_fault
        self._checks_of = checks_of
        self._on_record = on_record
        self.sessions = {}
        self.lines = 0
        self.unread = 0  # lines that are no records that can be gone by
        self.unknown = 0

    def take(self, line, number):
        self.lines += 1
        record, fault = examine(line)
        if fault:
            self._on_fault(number, fault, None)
        if record is None:
            self.unread += 1
            return
        session_id = record["session_id"]
        if session_id not in self.sessions:
            self.sessions[session_id] = Session(self._checks_of(session_id))
        session = self.sessions[session_id]
        known, bad_form = check_form(record)
        misplaced = check_link(record, session) or bad_form or check_place(record, session, known)
        misplaced = misplaced or check_same_session(record, session.last, known)
        if misplaced and not fault:
            self._on_fault(number, misplaced, session_id)
        can_fold = not bad_form and all(found is None or found.name in FOLDABLE for found in (fault, misplaced))
        session.is_folded = session.is_folded and can_fold
        if session.is_folded:
            self._fold(record, known, session, number)
        self._on_record(record, number)
        if misplaced and misplaced.name == "repeated":
            return
        self.unknown += not known
        session.records = record["seq"] + 1
        session.head = record["hash"] if not fault or has_hash(record) else ""  # it may be anything
        session.ended = record.get("event") in ENDINGS
        if not bad_form and record["v"] == 1:
            session.last = record

    def _fold(self, record, known, session, number):
        for check in session.checks:
            fault = check(record, known)
            if fault:
                session.checks = [other for other in session.checks if other is not check]
                self._on_fault(number, fault, record["session_id"])

    def summaries(self):
        return [
            {"session_id": name, "records": session.records, "head": session.head, "ended": session.ended}
            for name, session in self.sessions.items()
        ]


def examine(line):
    """What a line holds, and the first thing that is wrong with it: (record or None, Fault or None).

    The record is there, whatever else is wrong, when it is JSON with the members of a link.
    """
    if line == b"":
        return None, Fault("empty_line", "an empty line")
    if line.endswith(b"\r"):
        return None, Fault("crlf", "a carriage return at its end")
    try:
        record = parse(line.decode("utf-8"))
    except RecursionError:
        record = None  # Deeper than any record may be. Whether it was changed can still be said.
    except ValueError:
        return None, Fault("not_json", "not JSON")
    if record is not None and type(record) is not dict:
        return None, Fault("not_json", "not a JSON object")
    bad_link = None if record is None else check_link_members(record)
    fault = check_hash(record, line) or bad_link
    return (None if bad_link else record), fault


def check_hash(record, line):
    found = HASH_MEMBER.search(line)
    start = line.find(b',"hash":"')
    if not found or found.start() != start or (record is not None and record.get("hash") != found[1].decode()):
        return Fault("no_hash", "no hash where it must be")
    if hashlib.sha256(line[: found.start()] + line[found.end() :]).hexdigest() != found[1].decode():
        return Fault("hash_mismatch", "the hash is not that of the line")
    if record is None or not is_canonical(record, line):
        return Fault("not_canonical", "not in canonical form")
    return None


def has_hash(record):
    return type(record.get("hash")) is str and HEX64.fullmatch(record["hash"]) is not None


def check_link_members(record):
    session_id, seq, prev_hash = record.get("session_id"), record.get("seq"), record.get("prev_hash")
    if type(session_id) is not str or session_id == "":
        return Fault("bad_link", "session_id is not text")
    if type(seq) is not int or not 0 <= seq <= MAX_SAFE:
        return Fault("bad_link", "seq is not a whole number from 0")
    if type(prev_hash) is not str or not HEX64.fullmatch(prev_hash):
        return Fault("bad_link", "prev_hash is not 64 hex digits")
    return None


def check_form(record):
    """Whether a record's version and event are known here, and the fault when it should have another form."""
    version, event = record.get("v"), record.get("event")
    if type(version) is not int or not 1 <= version <= MAX_SAFE or type(event) is not str:
        return False, Fault("bad_form", "v is not a version, or event is not text")
    if version != 1:
        return False, None
    if not RECORD(record):
        return True, Fault("bad_form", "not the members of a record")
    if event not in PAYLOADS:
        return False, None
    if not PAYLOADS[event](record["payload"]):
        return True, Fault("bad_form", f"not the payload of {event}")
    return True, None


def check_link(record, session):
    seq = record["seq"]
    if seq > session.records:
        return Fault("gap", f"record {session.records} is missing before record {seq}")
    if seq < session.records:
        return Fault("repeated", f"record {seq} where {session.records} comes next")
    if record["prev_hash"] != session.head:
        return Fault("prev_hash_mismatch", "prev_hash is not the hash of the record before")
    return None


def check_place(record, session, known):
    event = record["event"]
    starts = event == "session_started"
    if session.ended and event != "session_reset":
        return Fault("after_end", "a record after the session's end")
    if session.records == 0 and not starts:
        return Fault("no_start", "the first record is not session_started")
    if session.records > 0 and starts:
        return Fault("second_start", "session_started again")
    if known and event in ENDINGS and record["payload"]["records"] != record["seq"] + 1:
        return Fault("wrong_count", f"{event} counts another number of records")
    return None


def check_same_session(record, last, known):
    if record["v"] != 1:
        return None
    if known and record["event"] == "session_started" and record["payload"]["workflow_id"] != record["session_id"]:
        return Fault("wrong_workflow", "workflow_id is not session_id")
    if last is None:
        return None
    for name in IDENTITY:
        if record[name] != last[name]:
            return Fault("other_identity", f"{name} is not that of the records before it")
    # Times have one form: they compare as text.
    if record["ts"] < last["ts"]:
        return Fault("time_went_back", "ts is before that of the record before it")
    return check_run(record, last) if known else None


def check_run(record, last):
    """Only a reset or a continuation hands a session over to another run; within a run its history goes one way."""
    if record["event"] in ("session_reset", "session_continued"):
        hands_over = (record["payload"]["from_run_id"], record["payload"]["to_run_id"])
        if hands_over != (last["run_id"], record["run_id"]) or hands_over[0] == hands_over[1]:
            return Fault("wrong_run", "it hands the session over from or to another run")
    elif record["run_id"] != last["run_id"]:
        return Fault("wrong_run", "run_id is not that of the record before it")
    elif record["event_id"] < last["event_id"]:
        return Fault("event_went_back", "event_id is below that of the record before it")
    return None
