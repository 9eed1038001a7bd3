import { readFile } from 'node:fs/promises';
import type { Client } from '@temporalio/client';
import { regenerateLog, type SessionCode } from '../../src/audit/regenerate.ts';
import { lineOf } from '../../src/core/chain.ts';
import type { ChainedRecord } from '../../src/core/record.ts';
import { usdToNano } from '../../src/core/units.ts';
import type { Store } from '../../src/store/store.ts';
import { fetchHistories } from '../../src/temporal/histories.ts';
import { logProblems, overshootProblems, type RealRun, toldProblems, toolProblems } from './checks.ts';
import type { Ran } from './traffic.ts';

/** Where everything can be read that sessions left behind. */
export interface Remains {
  readonly client: Client;
  readonly store: Store;
  readonly code: SessionCode;
  /** What tools wrote. */
  readonly runsFile: string;
}

/** Checks sessions, and those below them. @returns what is wrong, a line each with the session's id: none, and all is as it must be */
export async function checkAll(
  ran: readonly Ran[],
  remains: Remains,
  say: (line: string) => void,
): Promise<readonly string[]> {
  const runs = await realRuns(remains.runsFile);
  const below = await sessionsBelow(ran, remains.store);
  const ids = new Set([...ran, ...below].map(({ id }) => id));
  const strangers = runs.filter(({ session }) => !ids.has(session)).map(({ id }) => `${id} ran for no session`);
  const problems = [...strangers];
  for (const [index, one] of ran.entries()) {
    const ofIt = runs.filter(({ session }) => session === one.id);
    problems.push(...(await problemsOf(one, ofIt, remains)).map((problem) => `${one.id}: ${problem}`));
    if ((index + 1) % 25 === 0) say(`${index + 1} of ${ran.length} sessions checked`);
  }
  for (const { id, ended } of below) {
    const ofIt = runs.filter(({ session }) => session === id);
    problems.push(...(await problemsBelow(id, ended, ofIt, remains)).map((problem) => `${id}: ${problem}`));
  }
  return problems;
}

type Ended = Extract<ChainedRecord, { event: 'tool_call' }>['payload'];

/** The sessions that those which ran have started, with how their parents settled. */
async function sessionsBelow(ran: readonly Ran[], store: Store): Promise<{ id: string; ended: Ended }[]> {
  const below: { id: string; ended: Ended }[] = [];
  for (const { id } of ran)
    for await (const { event, payload } of store.records(id))
      if (event === 'tool_call' && payload.agent) below.push({ id: payload.agent.session_id, ended: payload });
  return below;
}

/** A session below has a log as any other, and its parent posted just what that comes to. */
async function problemsBelow(
  id: string,
  { agent, posted, outcome }: Ended,
  runs: readonly RealRun[],
  remains: Remains,
): Promise<string[]> {
  const records = await Array.fromAsync(remains.store.records(id));
  if (records.length === 0) return agent?.outcome === 'none' && runs.length === 0 ? [] : ['it has no log'];
  const found = [
    ...(await logProblems(id, records)),
    ...overshootProblems(records),
    ...toolProblems(records, runs),
    ...(await differences(id, records, remains)),
  ];
  const last = records.at(-1);
  if (last?.event !== 'session_ended') found.push(`its last record is ${last?.event}`);
  // Nobody knew in time: all that it was given is posted.
  if (outcome === 'abandoned' || outcome === 'unknown') return found;
  const { usd_used = 0, tokens_used = 0, tool_calls = 0 } = last?.budget ?? {};
  const isSettled = posted.tokens === tokens_used && posted.tool_calls === tool_calls + 1;
  if (!isSettled || posted.usd_nano !== usdToNano(usd_used))
    found.push(`its parent posted ${JSON.stringify(posted)}, and it used ${JSON.stringify(last?.budget)}`);
  return found;
}

async function problemsOf(one: Ran, runs: readonly RealRun[], remains: Remains): Promise<string[]> {
  const { client, store } = remains;
  const { id, kind, told, result, problems } = one;
  const records = await Array.fromAsync(store.records(id));
  const found = [...problems];
  if (!result && (await wasNeverOpened(one, records, client))) return [];
  if (!result) return [...found, `it has not ended: its last record is ${records.at(-1)?.event ?? 'none'}`];
  if (!kind.outcomes.includes(result.outcome))
    found.push(`it ended as ${result.outcome} (${result.why ?? ''}), and not as ${kind.outcomes.join(' or ')}`);
  if (records.at(-1)?.event !== 'session_ended') found.push('its last record is not session_ended');
  found.push(
    ...(await logProblems(id, records)),
    ...overshootProblems(records),
    ...toolProblems(records, runs),
    ...toldProblems(records, told),
    ...(await differences(id, records, remains)),
  );
  return found;
}

/** A session that was cancelled before any worker opened it has no log and no result, and has spent nothing. */
async function wasNeverOpened({ id, kind }: Ran, records: readonly ChainedRecord[], client: Client): Promise<boolean> {
  if (records.length > 0 || !kind.outcomes.includes('cancelled')) return false;
  const { status } = await client.workflow.getHandle(id).describe();
  return status.name === 'CANCELLED';
}

/** Where the log that a session's history gives leaves that of the store. */
async function differences(
  id: string,
  records: readonly ChainedRecord[],
  { client, code }: Remains,
): Promise<string[]> {
  const again = await regenerateLog(code, await fetchHistories(client, id), id);
  const stored = records.map((record) => lineOf(record));
  const at = Array.from({ length: Math.max(again.length, stored.length) }, (_, index) => index).find(
    (index) => again[index] !== stored[index],
  );
  if (at === undefined) return [];
  const lines = `the history says ${again[at] ?? 'nothing'}, the store says ${stored[at] ?? 'nothing'}`;
  return [
    `the log that the history gives (${again.length} records) is not that of the store (${stored.length}): ${lines}`,
  ];
}

async function realRuns(file: string): Promise<RealRun[]> {
  const text = await readFile(file, 'utf8').catch(() => '');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as RealRun);
}
