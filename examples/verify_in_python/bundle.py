"""Verifies a bundle: manifest, contracts, log of logs, records. Each is read once, with a few words a session in memory."""

from contract import read_contracts
from findings import VERDICTS, Findings
from lines import Fault
from log_of_logs import LogOfLogs, compare_key_file, judge_keys, judge_witnesses
from manifest import NAME, Bundle
from records import Records


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
