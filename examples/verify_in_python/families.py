"""Sessions that work for others, compared with those: what the logs of both say must be the same."""

from canonical import MAX_SAFE
from ledger import DIMENSIONS
from lines import Fault

# As many calls as a session may make that nothing limits.
UNLIMITED = 10**9
EXPORT_TREE = "aegrail audit export ID --tree exports a session with all below it"
KNOWN_ENDS = ("ok", "error", "cancelled")
SAME_LIMITS = ("usd", "tokens", "max_tool_calls", "max_recursion_depth")


def add(tools, tool, admitted, in_flight):
    """Counts calls of a tool: in tools, of each are those that were admitted and those of them that run."""
    before = tools.get(tool, (0, 0))
    tools[tool] = (min(before[0] + admitted, MAX_SAFE), min(before[1] + in_flight, MAX_SAFE))


def called(tools):
    """A tool that was never called may be named or not."""
    return {tool: counts for tool, counts in tools.items() if counts != (0, 0)}


class Kin:
    """What must be kept of a session, beside its ledger, to compare it with others."""

    def __init__(self, ledger):
        self.ledger = ledger
        self.records = 0  # that were folded without a fault
        self.tools, self.denied, self.agents = {}, 0, {}
        self.start = None  # the payload of its first record, if it works for another session
        self.ended_itself = False
        self.delegations = {}  # sequence number -> how it was when the session of another agent was admitted, and its end

    def take(self, record):
        event, payload = record["event"], record["payload"]
        self.records = record["seq"] + 1
        self.ended_itself = event == "session_ended"
        if event == "session_started" and "parent" in payload:
            self.start = payload
        elif event == "tool_denied":
            self.denied += 1
        elif event == "tool_admitted":
            add(self.tools, payload["tool"], 1, 1)
            if "agent" in payload:
                self._delegate(record, payload["agent"])
        elif event == "tool_call":
            self._end(payload, payload["reservation"], payload.get("agent", {}))

    def _delegate(self, record, agent):
        used = {name: self.ledger.posted[name] + self.ledger.reserved(name) for name in DIMENSIONS}
        for name, amount in record["payload"]["reserved"].items():
            used[name] -= amount
        used["tool_calls"] += 1
        if self.start and "above" in self.start:
            used = {name: amount + self.start["above"]["used"][name] for name, amount in used.items()}
        tools, denied = self.facts(with_above=True)
        self.delegations[record["seq"]] = {
            "agent": agent, "principal": record["principal"], "used": used, "tools": tools, "denied": denied, "end": None,
        }  # fmt: skip
        if "tools" in agent:
            most = agent["limits"]["max_tool_calls"]
            self.agents[record["seq"]] = (agent["tools"], UNLIMITED if most is None else most)

    def _end(self, payload, seq, agent):
        add(self.tools, payload["tool"], -1 if payload["outcome"] == "not_started" else 0, -1)
        if seq in self.delegations:
            self.delegations[seq]["end"] = payload
        if seq not in self.agents:
            return
        tools, most = self.agents.pop(seq)
        nobody_knows = {} if payload["outcome"] == "not_started" else dict.fromkeys(tools, most)
        for tool, times in agent.get("calls", nobody_knows).items():
            add(self.tools, tool, times, 0)
        self.denied += agent.get("denied", 0)

    def facts(self, with_above):
        """Calls and denials: its own, those of agents that run as all that they may do, and what it was handed down."""
        tools, denied = dict(self.tools), self.denied
        for names, most in self.agents.values():
            for tool in set(names):
                add(tools, tool, most, most)
        if with_above and self.start and "above" in self.start:
            denied += self.start["above"]["denied"]
            for tool, counts in self.start["above"]["tools"].items():
                add(tools, tool, counts["admitted"], counts["in_flight"])
        return tools, denied


class Families:
    """The sessions of a log. watch() gives what takes the records of one; judge() compares when all were read."""

    def __init__(self):
        self._kins = {}
        self._wrong = {}  # session -> why: the first thing that is wrong with it
        self._notes = {}  # what could not be checked

    def watch(self, session_id, ledger):
        kin = self._kins[session_id] = Kin(ledger)

        def check(record, known):
            fault = ledger.take(record, known)
            if not fault and not ledger.is_lost:
                kin.take(record)
            return fault

        return check

    def judge(self, sessions, findings, file):
        """sessions: what the log's check has of each."""
        whole = {}
        for name, kin in self._kins.items():
            if sessions[name].is_folded and kin.records == sessions[name].records:
                whole[name] = kin
        for name, kin in whole.items():
            if kin.start:
                self._judge_one(name, kin, whole, sessions)
        for name, kin in whole.items():
            for seq, delegation in kin.delegations.items():
                self._judge_call(name, seq, delegation, whole, sessions)
        for name, why in self._wrong.items():
            findings.found(Fault("wrong_delegation", why), file=file, session_id=name)
        for why, names in self._notes.items():
            findings.unchecked("ledger", f"{why}: {', '.join(names[:3])}")

    def _unchecked(self, why, name):
        self._notes.setdefault(why, []).append(name)

    def _judge_one(self, name, kin, whole, sessions):
        parent_id, seq = kin.start["parent"]["session_id"], kin.start["parent"]["seq"]
        if parent_id not in sessions:
            return self._unchecked(f"the log of its parent is not in the bundle ({EXPORT_TREE})", name)
        if parent_id not in whole:
            return None
        if seq >= sessions[parent_id].records and not sessions[parent_id].ended:
            return self._unchecked("the log of its parent does not go that far", name)
        parent = whole[parent_id]
        delegation = parent.delegations.get(seq)
        if delegation is None or delegation["agent"]["session_id"] != name:
            self._wrong[name] = f"record {seq} of {parent_id} does not admit it"
            return None
        end = delegation["end"]
        why = grant_problem(kin, delegation, parent) or facts_problem(kin, delegation)
        unsettled = end_problem(kin, end) if end and not why else None
        is_early = not kin.ended_itself or (end and end["agent"]["outcome"] == "terminated")
        if unsettled and is_early and end["outcome"] != "not_started":
            # It was ended from outside, and its log may have been closed after it was settled.
            self._unchecked("it was settled before its log was closed", name)
        elif why or unsettled:
            self._wrong[name] = why or unsettled
        return None

    def _judge_call(self, name, seq, delegation, whole, sessions):
        below, end = delegation["agent"]["session_id"], delegation["end"]
        if below not in sessions and end and end["outcome"] in KNOWN_ENDS:
            self._unchecked(f"what it came to, for its log is not in the bundle ({EXPORT_TREE})", below)
        if below in whole and below not in self._wrong:
            start = whole[below].start
            if not start or start["parent"] != {"session_id": name, "seq": seq}:
                self._wrong[below] = f"record {seq} of {name} admits it, and it says that it has another parent"


def grant_problem(kin, delegation, parent):
    """In what it was started other than its parent admitted it, or None."""
    limits, given = kin.start["limits"], delegation["agent"]["limits"]
    if any(limits[name] != given[name] for name in SAME_LIMITS) or limits["wall_seconds"] > given["wall_seconds"]:
        return "its limits are not those that its parent gave it"
    if kin.ledger.depth != parent.ledger.depth + 1:
        return "its depth is not one more than that of its parent"
    chain = parent.start.get("chain", []) if parent.start else []
    if kin.start.get("chain", []) != [*chain, delegation["principal"]]:
        return "its chain is not that of its parent, and its parent"
    return None


def facts_problem(kin, delegation):
    """What it was handed down other than its parent had, or None."""
    above = kin.start.get("above")
    if above is None:
        return "above is missing" if "tools" in delegation["agent"] else None
    tools = {tool: (counts["admitted"], counts["in_flight"]) for tool, counts in above["tools"].items()}
    is_same = above["used"] == delegation["used"] and above["denied"] == delegation["denied"]
    return None if is_same and called(tools) == called(delegation["tools"]) else "above is not what its parent had"


def end_problem(kin, end):
    """What its parent says that it came to, other than its log, or None."""
    if end["outcome"] == "not_started":
        return "its parent says that it was not started, and here is its log"
    if end["outcome"] not in KNOWN_ENDS:
        return None
    used = {name: kin.ledger.posted[name] + kin.ledger.reserved(name) for name in DIMENSIONS}
    used["tool_calls"] += 1
    if end["posted"] != used:
        return "its parent posts for it what it did not come to"
    tools, denied = kin.facts(with_above=False)
    calls = {tool: admitted for tool, (admitted, _) in tools.items() if admitted > 0}
    if end["agent"].get("calls", calls) != calls or end["agent"].get("denied", denied) != denied:
        return "its parent says that it called, or was denied, other tools or as often"
    return None
