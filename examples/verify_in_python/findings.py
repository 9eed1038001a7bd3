"""What is found wrong, and to which question it belongs."""

VERDICTS = ("integrity", "completeness", "authenticity", "ledger", "history")
MOST_KEPT = 10

COMPLETENESS = (
    "no_records", "no_newline", "gap", "no_start", "wrong_count", "entries_missing", "checkpoint_missing", "rolled_back",
    "tail_missing", "session_missing",
)  # fmt: skip
AUTHENTICITY = (
    "bad_signature", "bad_entry_signature", "bad_key_statement", "unknown_key", "expired_key", "revoked_key", "wrong_keys",
    "no_cosignature", "bad_cosignature",
)  # fmt: skip
LEDGER = (
    "wrong_deadline", "no_reservation", "other_call", "over_reserved", "still_pending", "over_granted", "wrong_budget",
    "other_contract", "wrong_reservation", "wrong_cost", "wrong_tokens", "wrong_blind_post", "wrong_delegation",
)  # fmt: skip
# All other faults say no to integrity.
VERDICT_OF = {
    **dict.fromkeys(COMPLETENESS, "completeness"),
    **dict.fromkeys(AUTHENTICITY, "authenticity"),
    **dict.fromkeys(LEDGER, "ledger"),
}


class Findings:
    def __init__(self):
        self._found = {name: [] for name in VERDICTS}
        self._unchecked = {name: [] for name in VERDICTS}

    def found(self, fault, **where):
        """Something is wrong. where: file, line, session_id; outside when the file is not the bundle's own."""
        place = {name: value for name, value in where.items() if value is not None}
        self._found[VERDICT_OF.get(fault.name, "integrity")].append({"fault": fault.name, "why": str(fault), **place})

    def unchecked(self, verdict, why):
        """Something could not be checked."""
        self._unchecked[verdict].append(why)

    def verdicts(self):
        return {name: self._verdict(self._found[name], self._unchecked[name]) for name in VERDICTS}

    @staticmethod
    def _verdict(found, unchecked):
        status = "bad" if found else "unchecked" if unchecked else "good"
        shown = found[:MOST_KEPT]
        return {"status": status, "findings": shown, "further": len(found) - len(shown), "unchecked": unchecked}
