"""The ledger of one session, folded from its records in whole numbers."""

from canonical import MAX_SAFE
from forms import NANO, epoch_ms, nano_usd

DIMENSIONS = ("usd_nano", "tokens", "tool_calls")


class Ledger:
    def __init__(self):
        self.granted = dict.fromkeys(DIMENSIONS, 0)
        self.posted = dict.fromkeys(DIMENSIONS, 0)
        self.pending = {}  # sequence number of the admission -> what it reserved
        self.ended = set()  # the same numbers, of calls that have ended
        self.started_ms = 0
        self.depth = 0

    def take(self, record):
        """Takes a record in. Returns the name of a fault and what is wrong, or None."""
        event, payload = record["event"], record["payload"]
        if event == "session_started":
            self._open(epoch_ms(record["ts"]), payload)
        elif event in ("llm_admitted", "tool_admitted"):
            self.pending[record["seq"]] = payload["reserved"]
        elif event in ("llm_call", "tool_call"):
            fault = self._end(payload["reservation"], payload["posted"])
            if fault:
                return fault
        for name in DIMENSIONS:
            if self.posted[name] + self.reserved(name) > self.granted[name]:
                return "over_granted", f"more {name} posted and reserved than granted"
        return self._compare(record)

    def _end(self, call, posted):
        if call in self.ended:
            return None  # told twice, posted once
        reserved = self.pending.pop(call, None)
        if reserved is None:
            return "no_reservation", "the call that ends was not admitted"
        self.ended.add(call)
        for name in DIMENSIONS:
            if posted[name] > reserved[name]:
                return "over_reserved", f"more {name} posted than reserved"
            self.posted[name] += posted[name]
        return None

    def reserved(self, name):
        return sum(amounts[name] for amounts in self.pending.values())

    def _open(self, now_ms, payload):
        limits = payload["limits"]
        granted = {
            "usd_nano": None if limits["usd"] is None else nano_usd(limits["usd"]),
            "tokens": limits["tokens"],
            "tool_calls": limits["max_tool_calls"],
        }
        self.granted = {name: MAX_SAFE if limit is None else limit for name, limit in granted.items()}
        self.started_ms = now_ms
        self.depth = payload["recursion_depth"]

    def _compare(self, record):
        folded = {
            "tokens_used": self.posted["tokens"],
            "usd_used": self.posted["usd_nano"] / NANO,
            "tool_calls": self.posted["tool_calls"],
            "recursion_depth": self.depth,
            "wall_elapsed": (epoch_ms(record["ts"]) - self.started_ms) / 1000,
            "tokens_reserved": self.reserved("tokens"),
            "usd_reserved": self.reserved("usd_nano") / NANO,
            "tool_calls_reserved": self.reserved("tool_calls"),
        }
        for name, amount in folded.items():
            if record["budget"][name] != amount:
                return "wrong_budget", f"{name} says {record['budget'][name]}, and is {amount}"
        return None
