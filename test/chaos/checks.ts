import { ledgerCheck } from '../../src/audit/ledger-check.ts';
import { verifyLog } from '../../src/audit/verify.ts';
import { lineOf } from '../../src/core/chain.ts';
import type { Ledger } from '../../src/core/ledger.ts';
import type { ChainedRecord } from '../../src/core/record.ts';
import { emptyState, step } from '../../src/core/session-state.ts';
import { AT_MOST_ONCE } from './contract.ts';
import type { Told } from './kinds.ts';

/** A real run of a tool, as the tool itself wrote it down. */
export interface RealRun {
  readonly tool: string;
  readonly id: string;
  readonly session: string;
}

/** The log verifies: chain, form and place of each record, without holes, and the budget that each one tells. */
export async function logProblems(sessionId: string, records: readonly ChainedRecord[]): Promise<string[]> {
  const holes = records.filter(({ seq }, index) => seq !== index).map(({ seq }) => `record ${seq} is out of its place`);
  const verified = await verifyLog(
    records.map((record) => lineOf(record)),
    { expectSession: sessionId, checkRecord: ledgerCheck },
  );
  return verified.ok ? holes : [...holes, `the log does not verify: ${JSON.stringify(verified)}`];
}

/** Nothing was ever posted or reserved beyond the grant: the ledger is folded again, record by record. */
export function overshootProblems(records: readonly ChainedRecord[]): string[] {
  let state = emptyState();
  return records.flatMap((record) => {
    state = step(state, record);
    const over = overshot(state.ledger);
    return over === null ? [] : [`after record ${record.seq} more ${over} are used than were granted`];
  });
}

function overshot({ grant, posted, pending, depth }: Ledger): string | null {
  for (const dimension of ['usdNano', 'tokens', 'toolCalls'] as const) {
    const reserved = pending.reduce((sum, { amounts }) => sum + amounts[dimension], 0);
    if (posted[dimension] + reserved > (grant[dimension] ?? Number.MAX_SAFE_INTEGER)) return dimension;
  }
  return depth > grant.recursionDepth ? 'recursionDepth' : null;
}

/** What tools say they did is what the log says they did, and who may run once at most did. */
export function toolProblems(records: readonly ChainedRecord[], runs: readonly RealRun[]): string[] {
  const ran = countOf(runs.map(({ tool, id }) => `${tool} ${id}`));
  const tries = new Map<string, string[]>();
  const names = new Map<number, string>();
  for (const record of records) {
    if (record.event === 'tool_admitted')
      names.set(record.seq, `${record.payload.tool} ${String(record.payload.args.shown?.['id'])}`);
    // What the session of another agent did is in its own log.
    if (record.event !== 'tool_call' || record.payload.agent) continue;
    const name = names.get(record.payload.reservation) ?? 'a call that was not admitted';
    tries.set(name, [...(tries.get(name) ?? []), record.payload.outcome]);
  }
  const problems = [...ran.keys()].filter((name) => !tries.has(name)).map((name) => `${name} ran, and is in no log`);
  for (const [name, outcomes] of tries) {
    const times = ran.get(name) ?? 0;
    const started = outcomes.filter((outcome) => outcome !== 'not_started').length;
    const sure = outcomes.filter((outcome) => outcome === 'ok').length;
    const told = `${name} ran ${times} times, the log says ${outcomes.join(', ')}`;
    if (times > started || times < sure) problems.push(told);
    const atMostOnce = AT_MOST_ONCE.has(name.split(' ', 1)[0] ?? '');
    if (atMostOnce && (times > 1 || started > 1)) problems.push(`${told}: it is not idempotent`);
  }
  return problems;
}

/** What was said was received once and answered once; each raise of the budget counts once. */
export function toldProblems(records: readonly ChainedRecord[], told: Told): string[] {
  const received = records.flatMap((one) => (one.event === 'message_received' ? [one.payload.message_id] : []));
  const answered = records.flatMap((one) => (one.event === 'turn_answered' ? [one.payload.message_id ?? ''] : []));
  const problems: string[] = [];
  for (const [what, ids] of [
    ['received', countOf(received)],
    ['answered', countOf(answered.filter((id) => id !== ''))],
  ] as const) {
    for (const id of new Set([...told.messages, ...ids.keys()])) {
      const times = ids.get(id) ?? 0;
      if (times !== 1 || !told.messages.includes(id)) problems.push(`message ${id} was ${what} ${times} times`);
    }
  }
  const raises = records.filter(({ event }) => event === 'budget_raised').length;
  if (raises !== told.raises.length) problems.push(`${told.raises.length} raises were given, and ${raises} recorded`);
  return problems;
}

function countOf(names: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}
