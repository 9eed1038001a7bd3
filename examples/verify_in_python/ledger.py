"""The ledger of one session, folded from its records in whole numbers."""

from canonical import MAX_SAFE
from forms import ENDINGS, NANO, epoch_ms, nano_usd, whole_ms
from lines import Fault

DIMENSIONS = ("usd_nano", "tokens", "tool_calls")
# The end of a call: its admission, and the members in which both must be the same.
ENDS = {"llm_call": ("llm_admitted", ("model",)), "tool_call": ("tool_admitted", ("tool", "call_id"))}


SPENDS = ("llm_admitted", "tool_admitted", *ENDS)
# The limit of an amount.
LIMITS = {"usd_nano": "usd", "tokens": "tokens", "tool_calls": "max_tool_calls"}


def most(admitted, name):
    """What a call may post: what it reserved, or anything where the session of another agent has no limit."""
    if "agent" in admitted and admitted["agent"]["limits"][LIMITS[name]] is None:
        return MAX_SAFE
    return admitted["reserved"][name]


class Ledger:
    def __init__(self):
        self.granted = dict.fromkeys(DIMENSIONS, 0)
        self.posted = dict.fromkeys(DIMENSIONS, 0)
        self.leases = {}  # account -> all that it leased
        self.pending = {}  # sequence number of the admission -> its record
        self.started_ms = 0
        self.deadline_ms = 0
        self.depth = 0
        self.is_lost = False  # from the first record on that is not known

    def take(self, record, known):
        """Takes a record in. Returns a Fault or None."""
        self.is_lost = self.is_lost or not known
        return None if self.is_lost else self._fold(record)

    def _fold(self, record):
        event, payload = record["event"], record["payload"]
        if event == "session_started":
            self._open(epoch_ms(record["ts"]), payload)
        elif event in ("llm_admitted", "tool_admitted"):
            if payload["until_ms"] != self.deadline_ms:
                return Fault("wrong_deadline", f"until_ms is not the session's deadline, {self.deadline_ms}")
            self.pending[record["seq"]] = record
        elif event in ENDS:
            fault = self._end(event, payload)
            if fault:
                return fault
        elif event == "budget_raised":
            for name in DIMENSIONS:
                self.granted[name] = min(self.granted[name] + payload["amounts"][name], MAX_SAFE)
        elif event == "contract_migrated":
            self._grant(payload["limits"])
        elif event == "account_leased":
            before = self.leases.get(payload["account"], dict.fromkeys(DIMENSIONS, 0))
            self.leases[payload["account"]] = {
                name: min(before[name] + payload["amounts"][name], MAX_SAFE) for name in DIMENSIONS
            }
        elif event == "session_reset":
            used = {name: self.posted[name] + self.reserved(name) for name in DIMENSIONS}
            self.leases = {account: dict(used) for account in self.leases}
        elif event in ENDINGS and self.pending:
            return Fault("still_pending", "the session ends, and some of its calls did not")
        # What is granted may become less than was spent; then nothing more may be.
        for name in DIMENSIONS if event in SPENDS else ():
            if self.posted[name] + self.reserved(name) > self.granted[name]:
                return Fault("over_granted", f"more {name} posted and reserved than granted")
            for leased in self.leases.values():
                if self.posted[name] + self.reserved(name) > leased[name]:
                    return Fault("over_granted", f"more {name} posted and reserved than an account leased")
        return self._compare(record)

    def _end(self, event, payload):
        admission = self.pending.pop(payload["reservation"], None)
        if admission is None:
            return Fault("no_reservation", "the call that ends is not pending: not admitted, or ended before")
        admitted_by, same = ENDS[event]
        admitted, posted = admission["payload"], payload["posted"]
        if admission["event"] != admitted_by or any(payload[name] != admitted[name] for name in same):
            return Fault("other_call", "it ends another call than was admitted")
        if payload.get("agent", {}).get("session_id") != admitted.get("agent", {}).get("session_id"):
            return Fault("other_call", "it ends the session of another agent than was admitted")
        for name in DIMENSIONS:
            if posted[name] > most(admitted, name):
                return Fault("over_reserved", f"more {name} posted than reserved")
            self.posted[name] += posted[name]
        return None

    def reserved(self, name):
        return sum(record["payload"]["reserved"][name] for record in self.pending.values())

    def _open(self, now_ms, payload):
        self.started_ms = now_ms
        self.depth = payload["recursion_depth"]
        self._grant(payload["limits"])

    def _grant(self, limits):
        granted = {
            "usd_nano": None if limits["usd"] is None else nano_usd(limits["usd"]),
            "tokens": limits["tokens"],
            "tool_calls": limits["max_tool_calls"],
        }
        self.granted = {name: MAX_SAFE if limit is None else limit for name, limit in granted.items()}
        self.deadline_ms = self.started_ms + whole_ms(limits["wall_seconds"])

    def _compare(self, record):
        folded = {
            "tokens_used": self.posted["tokens"],
            "usd_used": self.posted["usd_nano"] / NANO,
            "tool_calls": self.posted["tool_calls"],
            "recursion_depth": self.depth,
            "wall_elapsed": max(0, epoch_ms(record["ts"]) - self.started_ms) / 1000,
            "tokens_reserved": self.reserved("tokens"),
            "usd_reserved": self.reserved("usd_nano") / NANO,
            "tool_calls_reserved": self.reserved("tool_calls"),
        }
        for name, amount in folded.items():
            if record["budget"][name] != amount:
                return Fault("wrong_budget", f"{name} says {record['budget'][name]}, and is {amount}")
        return None
