"""A bundle's records: the chain, the ledger, the costs, those of other sessions, and the heads that were signed for them."""

from costs import CostCheck
from families import Families
from ledger import Ledger
from lines import Fault
from log import LogCheck

RECORDS = "records.jsonl"


class Records:
    """The records of a bundle: what they are found to be, and what of them could not be looked at."""

    def __init__(self, bundle, contracts, heads, findings):
        self._contracts = contracts
        self._findings = findings
        self._gaps = 0
        self._unjudged = {}  # sessions whose budget was raised under a rule in CEL
        self._bad_lines = 0
        self._families = Families()
        self.log = LogCheck(self._on_fault, self._checks_of, heads.take_record if heads else lambda record, line: None)
        for number, line in bundle.lines(RECORDS, self._on_bad_line):
            self.log.take(line, number)
        if self.log.lines + self._bad_lines == 0:
            self._on_fault(1, Fault("no_records", "there is no record"), None)
        self.read = self.log.lines - self.log.unread
        self._tell_unchecked()
        self._families.judge(self.log.sessions, findings, RECORDS)

    def _on_fault(self, line, fault, session_id):
        self._gaps += fault.name == "gap"
        self._findings.found(fault, file=RECORDS, line=line, session_id=session_id)

    def _on_bad_line(self, line, fault):
        self._bad_lines += 1
        self._on_fault(line, fault, None)

    def _checks_of(self, session_id):
        costs = CostCheck(self._contracts, self._on_missing, lambda: self._unjudged.setdefault(session_id))
        return [self._families.watch(session_id, Ledger()), costs.take]

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
        for session_id in self._unjudged:
            tell("ledger", f"{session_id}: who may raise its budget, for the rule (budget.approvers) is CEL")
        for session_id, session in self.log.sessions.items():
            if not session.is_folded:
                tell("ledger", f"{session_id}, for records are missing or unreadable")
