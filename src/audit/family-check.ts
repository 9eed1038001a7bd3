import { addAmounts, NOTHING, usedAmounts } from '../core/ledger.ts';
import type { WireAmounts, WireFacts, WireLimits } from '../core/record-parts.ts';
import { ownCalls } from '../core/session-facts.ts';
import { wireAmounts } from '../core/session-state.ts';
import { type Below, type Delegation, type DelegationEnd, type Kin, newKin, takeRecord } from './family.ts';
import type { OnFolded } from './ledger-check.ts';
import type { LogCheck, SessionLog } from './log-check.ts';
import { sameMembers, sameTexts } from './same.ts';
import { type Findings, someOf } from './verdicts.ts';

/** Compares sessions that work for others with those: "Sessions that work for others" in docs/AUDIT.md. */
export interface FamilyCheck {
  /** Makes what is told of the records of one session. */
  watch(sessionId: string): OnFolded;
  /** After the last record. @param file theirs, in findings; undefined for a file alone */
  end(log: Pick<LogCheck, 'sessions' | 'unfolded'>, file: string | undefined, findings: Findings): void;
}

/** No session is known yet. In memory there are a few words for each, and for each call of a sub-agent what it was handed down. */
export function createFamilyCheck(): FamilyCheck {
  const kins = new Map<string, Kin>();
  return {
    watch(sessionId) {
      const kin = newKin();
      kins.set(sessionId, kin);
      return (record, state) => takeRecord(kin, record, state);
    },
    end(log, file, findings) {
      const logs = new Map(log.sessions().map((session) => [session.sessionId, session]));
      const unfolded = new Set(log.unfolded());
      const isWhole = (id: string): boolean => !unfolded.has(id) && kins.get(id)?.folded === logs.get(id)?.records;
      const whole = new Map([...kins].filter(([id]) => isWhole(id)));
      const found = compare(whole, logs);
      const where = file === undefined ? {} : { file };
      for (const [session_id, why] of found.wrong)
        findings.found({ fault: 'wrong_delegation', why, ...where, session_id });
      tell(found, findings);
    },
  };
}

/** What was found of all families: ids of sessions that work for others. */
interface Found {
  readonly compared: string[];
  /** And why; the first thing that is wrong with each. */
  readonly wrong: Map<string, string>;
  readonly withoutParent: string[];
  /** The parent's log was read before it had the call. */
  readonly behind: string[];
  /** What it came to is only in its parent's log. */
  readonly withoutLog: string[];
  readonly settledEarly: string[];
}

function compare(whole: ReadonlyMap<string, Kin>, logs: ReadonlyMap<string, SessionLog>): Found {
  const found: Found = {
    compared: [],
    wrong: new Map(),
    withoutParent: [],
    behind: [],
    withoutLog: [],
    settledEarly: [],
  };
  for (const [id, { below }] of whole) if (below) compareOne(id, below, whole, logs, found);
  for (const [id, { delegations }] of whole) {
    for (const [seq, { agent, end }] of delegations ?? []) {
      const child = agent.session_id;
      if (!logs.has(child) && end && isKnown(end)) found.withoutLog.push(child);
      const kin = whole.get(child);
      const parent = kin?.below?.parent;
      if (!kin || (parent?.session_id === id && parent.seq === seq) || found.wrong.has(child)) continue;
      found.wrong.set(child, `record ${seq} of ${id} admits it, and its parent is said to be another`);
    }
  }
  return found;
}

function compareOne(
  id: string,
  below: Below,
  whole: ReadonlyMap<string, Kin>,
  logs: ReadonlyMap<string, SessionLog>,
  found: Found,
): void {
  const { session_id, seq } = below.parent;
  const log = logs.get(session_id);
  if (!log) return void found.withoutParent.push(id);
  const parent = whole.get(session_id);
  if (!parent) return;
  if (seq >= log.records && !log.ended) return void found.behind.push(id);
  found.compared.push(id);
  const delegation = parent.delegations?.get(seq);
  const why =
    delegation?.agent.session_id === id
      ? (grantProblem(below, delegation, parent) ?? factsProblem(below, delegation))
      : `record ${seq} of ${session_id} does not admit it`;
  if (why !== null) return void found.wrong.set(id, why);
  const unsettled = delegation?.end ? endProblem(below, delegation.end) : null;
  if (unsettled === null) return;
  // Ended from outside, it may have been settled before its log was closed from its history.
  const isEarly = !below.endedItself || delegation?.end?.agent?.outcome === 'terminated';
  if (isEarly && delegation?.end?.outcome !== 'not_started') found.settledEarly.push(id);
  else found.wrong.set(id, unsettled);
}

/** Limits that are those of the call, to the digit. */
const SAME_LIMITS = ['usd', 'tokens', 'max_tool_calls', 'max_recursion_depth'] as const satisfies (keyof WireLimits)[];

/** In what it was started other than its parent admitted it, or null. */
function grantProblem({ limits, chain, state }: Below, delegation: Delegation, parent: Kin): string | null {
  const given = delegation.agent.limits;
  const other = SAME_LIMITS.find((name) => limits[name] !== given[name]);
  if (other) return `limits.${other} is ${limits[other]}, and its parent gave it ${given[other]}`;
  if (limits.wall_seconds > given.wall_seconds)
    return `limits.wall_seconds is ${limits.wall_seconds}, and its parent gave it ${given.wall_seconds}`;
  if (state.ledger.depth !== delegation.depth + 1)
    return `recursion_depth is ${state.ledger.depth}, and that of its parent ${delegation.depth}`;
  const right = [...(parent.below?.chain ?? []), delegation.principal];
  return sameTexts(chain, right) ? null : 'chain is not that of its parent, and its parent';
}

/** What it was handed down other than its parent had, or null. */
function factsProblem({ above }: Below, { agent, facts }: Delegation): string | null {
  if (!above) return agent.tools ? 'above is missing, and its parent says which tools it may call' : null;
  const amount = differentAmount(above.used, facts.used);
  if (amount) return `above.used.${amount} is ${above.used[amount]}, and its parent had ${facts.used[amount]}`;
  if (above.denied !== facts.denied) return `above.denied is ${above.denied}, and its parent had ${facts.denied}`;
  return sameMembers(called(above.tools), called(facts.tools), sameCalls)
    ? null
    : 'above.tools are not the calls that its parent had';
}

/** What its parent says that it came to, other than its log, or null. */
function endProblem({ state }: Below, end: DelegationEnd): string | null {
  if (end.outcome === 'not_started') return 'its parent says that it was not started, and here is its log';
  if (!isKnown(end)) return null;
  const used = wireAmounts(addAmounts(usedAmounts(state.ledger), { ...NOTHING, toolCalls: 1 }));
  const amount = differentAmount(end.posted, used);
  if (amount) return `its parent posts ${end.posted[amount]} ${amount} for it, and it came to ${used[amount]}`;
  const { calls, denied } = ownCalls(state);
  const said = end.agent;
  if (said?.calls && !sameMembers(said.calls, calls))
    return 'its parent says that it called other tools, or one more or less often';
  if (said?.denied !== undefined && said.denied !== denied)
    return `its parent says that it was denied ${said.denied} calls, and it was ${denied}`;
  return null;
}

/** It ended, and its parent knows how. */
function isKnown({ outcome }: DelegationEnd): boolean {
  return outcome === 'ok' || outcome === 'error' || outcome === 'cancelled';
}

function differentAmount(told: WireAmounts, right: WireAmounts): keyof WireAmounts | undefined {
  return (['usd_nano', 'tokens', 'tool_calls'] as const).find((name) => told[name] !== right[name]);
}

/** A tool that was never called may be named or not. */
function called(tools: WireFacts['tools']): WireFacts['tools'] {
  return Object.fromEntries(Object.entries(tools).filter(([, { admitted, in_flight }]) => admitted + in_flight > 0));
}

type Calls = WireFacts['tools'][string];

function sameCalls(a: Calls, b: Calls): boolean {
  return a.admitted === b.admitted && a.in_flight === b.in_flight;
}

/** How somebody who exported one session gets what it is compared with. No id in it: a log may be anybody's. */
const EXPORT_TREE = 'aegrail audit export ID --tree exports a session with all below it';

function tell({ compared, withoutParent, behind, withoutLog, settledEarly }: Found, findings: Findings): void {
  if (compared.length > 0)
    findings.evidence('ledger', `sub-agents compared with the sessions that they work for: ${compared.length}`);
  const unchecked = [
    [withoutParent, "what sub-agents were given, for their parent's log is not at hand", EXPORT_TREE],
    [behind, 'what sub-agents were given, for the log of their parent does not go that far'],
    [withoutLog, 'what was posted for sub-agents, for their log is not at hand', EXPORT_TREE],
    [settledEarly, 'what was posted for sub-agents that were settled before their log was closed'],
  ] as const;
  for (const [sessions, what, how] of unchecked) {
    const hint = how === undefined ? '' : ` (${how})`;
    if (sessions.length > 0) findings.unchecked('ledger', `${what}: ${someOf(sessions)}${hint}`);
  }
}
