import { TestWorkflowEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import type { Session } from '../../src/client.ts';
import { fetchHistories } from '../../src/temporal/histories.ts';
import { payloads } from '../fixtures/workflows/payloads.ts';
import { quietRuntime } from '../harness/quiet.ts';
import { botConfig, type Stack, startStack } from '../harness/stack.ts';

/**
 * Some days of a conversation. From 350 on Temporal asks for a new run: `AEGRAIL_TURNS=5000 npm test -- test/workflows/long-conversation.test.ts`
 * takes the long way, which is minutes.
 */
const TURNS = Number(process.env['AEGRAIL_TURNS'] ?? 60);
/** So many messages come on one day, and then some days nothing. */
const OF_A_DAY = 50;
/** Temporal's own number: it asks for a new run at so many events. */
const SUGGESTED_AT = 4_096;
const DAY_SECONDS = 86_400;

let server: TestWorkflowEnvironment;
let stack: Stack;
beforeAll(async () => {
  quietRuntime();
  server = await TestWorkflowEnvironment.createTimeSkipping({
    server: { executable: { type: 'existing-path', path: inject('timeSkippingBinary') } },
  });
  stack = await startStack({
    address: server.address,
    script: ({ lastUserText }) => ({ say: `heard ${lastUserText}` }),
    config: botConfig({ limits: { usd: 1_000_000, wallSeconds: 365 * DAY_SECONDS } }),
  });
});
afterAll(async () => {
  await stack.close();
  await server.teardown();
});

/** Some come by signal, and wait in order for the one that has an answer. */
async function dayOf(session: Session, ids: readonly string[]): Promise<void> {
  for (const id of ids.slice(0, -1)) await session.post(id, { id });
  const last = ids.at(-1) ?? '';
  expect(await session.send(last, { id: last })).toMatchObject({ outcome: 'answered', answer: `heard ${last}` });
}

test(
  `a conversation of ${TURNS} turns over weeks has one ledger, a log without holes, and histories that stay short`,
  async () => {
    const session = await stack.start({ input: 'hello', conversation: true });
    const ids = Array.from({ length: TURNS }, (_, index) => `m${index}`);
    for (let from = 0; from < TURNS; from += OF_A_DAY) {
      await dayOf(session, ids.slice(from, from + OF_A_DAY));
      await server.sleep('3 days');
    }
    await session.end();
    const { outcome, budget } = await session.result();
    expect(outcome).toBe('answered');
    const billed = stack.endpoint.calls.map(({ inputTokens, outputTokens }) => inputTokens + outputTokens);
    expect(billed).toHaveLength(TURNS + 1);
    expect(budget.tokens_used).toBe(billed.reduce((sum, tokens) => sum + tokens, 0));
    expect(budget.wall_elapsed).toBeGreaterThan(Math.ceil(TURNS / OF_A_DAY) * 3 * DAY_SECONDS);

    const records = await stack.records(session.id);
    expect(records.map(({ seq }) => seq)).toEqual(records.map((_, index) => index));
    const answered = payloads(records, 'turn_answered').map(({ message_id }) => message_id);
    expect(answered).toEqual([null, ...ids]);
    expect(payloads(records, 'session_continued').length).toBeGreaterThanOrEqual(Math.floor(TURNS / 350));
    for (const { events } of await fetchHistories(stack.client, session.id))
      expect(events?.length).toBeLessThan(SUGGESTED_AT + 300);
  },
  60_000 + TURNS * 400,
);
