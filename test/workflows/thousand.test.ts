import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Session } from '../../src/client.ts';
import type { ChainedRecord } from '../../src/core/record.ts';
import { type PauseResult, TOP_UP } from '../../src/protocol.ts';
import { payloads } from '../fixtures/workflows/payloads.ts';
import { startContinuingStack } from '../harness/continuing-stack.ts';
import { botConfig, type Stack } from '../harness/stack.ts';

/** Temporal asks for a new run at 4,096 events; here much earlier, so that there are many. */
const SUGGESTED_AT = 400;
/** 50 rounds of 20 requests: a thousand. */
const ROUNDS = 50;
const OF_A_ROUND = 19;
/** Temporal takes ten updates of a run at once. */
const LANES = 9;

let stack: Stack;
beforeAll(async () => {
  stack = await startContinuingStack(SUGGESTED_AT, {
    script: ({ lastUserText }) => ({ say: `heard ${lastUserText}` }),
    config: botConfig({
      limits: { usd: 1_000, tokens: 1_000_000_000, wallSeconds: 3_600 },
      budget: { softLimit: 0, onExceeded: 'ask' },
    }),
  });
});
afterAll(() => stack.close());

/** What was asked of the session, each by a name of its own. */
interface Asked {
  readonly messages: string[];
  readonly raisedTokens: number[];
  readonly pauses: Map<string, PauseResult>;
}

/** Of each round two are messages, one is a pause with its end, and the rest raises; by updates and signals, some twice. */
async function ask(session: Session, index: number, { messages, raisedTokens, pauses }: Asked): Promise<void> {
  const kind = index % OF_A_ROUND;
  if (kind < 2) {
    const id = `m${index}`;
    messages.push(id);
    if (kind === 0) expect((await session.send(id, { id })).messageId).toBe(id);
    if (kind === 1 || index % 2 === 0) await session.post(id, { id });
  } else if (kind === 2) {
    const by = `person-${index}`;
    const paused = await session.pause({ by });
    if (paused) pauses.set(`session_paused ${by}`, paused);
    const resumed = await session.resume({ by });
    if (resumed) pauses.set(`session_resumed ${by}`, resumed);
  } else {
    const raise = { id: `raise-${index}`, tokens: 1_000 + index, by: 'olga@ops.com' };
    raisedTokens.push(raise.tokens);
    if (kind % 4 === 0) await session.topUp(raise);
    if (kind % 4 !== 0 || index % 3 === 0) await session.handle.signal(TOP_UP, raise);
  }
}

test('of a thousand updates and signals, none is lost or doubled while the session goes on in other runs', async () => {
  const session = await stack.start({ input: 'hello', conversation: true });
  const asked: Asked = { messages: [], raisedTokens: [], pauses: new Map() };
  let next = 0;
  await Promise.all(
    Array.from({ length: LANES }, async () => {
      while (next < ROUNDS * OF_A_ROUND) await ask(session, next++, asked);
    }),
  );
  await session.end();
  expect(await session.result()).toMatchObject({ outcome: 'answered' });
  const records = await stack.records(session.id);
  expect(payloads(records, 'session_continued').length).toBeGreaterThan(5);
  const received = payloads(records, 'message_received').map(({ message_id }) => message_id);
  expect(received.toSorted()).toEqual(asked.messages.toSorted());
  const answered = payloads(records, 'turn_answered').flatMap(({ message_id }) => message_id ?? []);
  expect(answered).toEqual(received);
  const raised = payloads(records, 'budget_raised').map(({ amounts }) => amounts.tokens);
  expect(raised.toSorted(ascending)).toEqual(asked.raisedTokens.toSorted(ascending));
  const changes = [...asked.pauses].filter(([, { changed }]) => changed).map(([name]) => name);
  expect(changed(records).toSorted()).toEqual(changes.toSorted());
}, 120_000);

function changed(records: readonly ChainedRecord[]): string[] {
  return records.flatMap((one) =>
    one.event === 'session_paused' || one.event === 'session_resumed' ? [`${one.event} ${one.payload.by}`] : [],
  );
}

function ascending(a: number, b: number): number {
  return a - b;
}
