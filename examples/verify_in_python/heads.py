"""The records of a bundle, held against the heads of sessions that its entries have."""

import hashlib

from forms import ENDINGS
from lines import Fault
from signatures import utf8

FILE = "entries.jsonl"


class Expected:
    """What the entries say of a session that the bundle's query selects."""

    def __init__(self, head, line):
        self.heads = [(head, line)]
        self.next = 0  # index of the first head that no record was held against yet

    def last(self):
        return self.heads[-1][0]


class HeadCheck:
    def __init__(self, query, findings):
        self._query = query
        self._findings = findings
        self._sessions = {}

    def take_head(self, head, line):
        if not self._is_selected(head):
            return
        session_id = head["session_id"]
        expected = self._sessions.get(session_id)
        if expected is None:
            self._sessions[session_id] = Expected(head, line)
            return
        why = misfit(head, expected.last())
        if why is None:
            expected.heads.append((head, line))
        else:
            self._findings.found(Fault("bad_head", why), file=FILE, line=line, session_id=session_id)

    def take_record(self, record, line):
        """After all heads."""
        session_id = record["session_id"]
        expected = self._sessions.get(session_id)
        if expected is None:
            return
        heads = expected.heads
        if record["seq"] == 0 and record.get("ts") != expected.last()["started"]:
            fault = Fault("head_mismatch", "it is the session's start, and its entries have another")
            self._findings.found(fault, file="records.jsonl", line=line, session_id=session_id)
        # A record that is missing was found to be.
        while expected.next < len(heads) and heads[expected.next][0]["seq"] < record["seq"]:
            expected.next += 1
        if expected.next == len(heads) or heads[expected.next][0]["seq"] != record["seq"]:
            return
        head, _ = heads[expected.next]
        expected.next += 1
        if not is_of(head, record):
            fault = Fault("head_mismatch", "the entry was signed for another record")
            self._findings.found(fault, file="records.jsonl", line=line, session_id=session_id)

    def end(self, sessions):
        """After all records: what is missing, and what nobody signed."""
        lengths = {session["session_id"]: session["records"] for session in sessions}
        since = self._query.get("since")
        for session_id, expected in self._sessions.items():
            is_older = since is not None and expected.last()["ts"] < since
            length = lengths.get(session_id, 0)
            line = next((line for head, line in expected.heads if head["seq"] >= length), None)
            if line is None or (is_older and session_id not in lengths):
                continue
            if session_id not in lengths:
                fault = Fault("session_missing", "the entry is of a session that the bundle has not a record of")
            else:
                fault = Fault("tail_missing", f"the session goes to record {expected.last()['seq']} at least")
            self._findings.found(fault, file=FILE, line=line, session_id=session_id)
        for session_id, length in lengths.items():
            signed = self._sessions[session_id].last()["seq"] + 1 if session_id in self._sessions else 0
            if length > signed:
                why = f"{session_id} from record {signed} on is under no entry"
                self._findings.unchecked("completeness", why)
                self._findings.unchecked("authenticity", why)

    def _is_selected(self, head):
        query, session_id, agent = self._query, head["session_id"], head["agent_identity"]
        session = query.get("session", session_id)
        return (
            (session_id == session or ("below" in query and session_id.startswith(session + ".")))
            and ("until" not in query or head["started"] < query["until"])
            and ("user" not in query or head["user_sha256"] == user_hash(session_id, query["user"]))
            and ("agent" not in query or agent == query["agent"] or agent.startswith(query["agent"] + "/"))
        )


def misfit(head, before):
    """Why a head does not go on where the session's last one was, or None."""
    if head["seq"] <= before["seq"]:
        return f"record {head['seq']} comes after record {before['seq']} of the same session"
    for name in ("agent_identity", "user_sha256", "started"):
        if head[name] != before[name]:
            return f"{name} is not that of the session's entries before it"
    return "ts is before that of the session's entry before it" if head["ts"] < before["ts"] else None


def is_of(head, record):
    """Whether a head was signed for this record."""
    user = record.get("invoking_user")
    return (
        all(head[name] == record.get(name) for name in ("hash", "ts", "agent_identity"))
        and head["ended"] == (record.get("event") in ENDINGS)
        and type(user) is str
        and head["user_sha256"] == user_hash(head["session_id"], user)
    )


def user_hash(session_id, user):
    return hashlib.sha256(utf8(f"{session_id}\n{user}")).hexdigest()
