import { afterAll, beforeAll, expect, test } from 'vitest';
import type { LeaseAnswer, LeaseAsk } from '../../src/core/account-input.ts';
import { NOTHING } from '../../src/core/ledger.ts';
import type { Turn } from '../../src/model-endpoint/index.ts';
import { type AccountsInTemporal, accountsThrough } from '../../src/client/bank.ts';
import { fetchHistories } from '../../src/temporal/histories.ts';
import { startContinuingStack } from '../harness/continuing-stack.ts';
import { botConfig, type Stack, toolsModule } from '../harness/stack.ts';

const TOOLS = toolsModule(`
export const look = defineTool({ description: 'Looks.', input: z.object({}), execute: () => 'seen' });`);

/** Temporal asks for a new run at 4,096 events; here much earlier. */
const SUGGESTED_AT = 100;
const SESSIONS = 300;
const AT_ONCE = 20;
const WORKERS = 3;

let stack: Stack;
beforeAll(async () => {
  stack = await startContinuingStack(SUGGESTED_AT, {
    files: { 'tools.ts': TOOLS },
    script: (turn: Turn) => {
      const seen = turn.messages.flatMap(({ toolResults }) => toolResults).length;
      return seen < Number(turn.messages[0]?.text) ? { call: [{ tool: 'look', args: {} }] } : { say: 'Done.' };
    },
    config: botConfig({
      tools: { look: { module: './tools.ts' } },
      limits: { usd: 10, maxToolCalls: 40, wallSeconds: 3600 },
      loops: { maxRepeats: 0 },
    }),
  });
});
afterAll(() => stack.close());

const tokens = (count: number) => ({ ...NOTHING, tokens: count });

test('leases of hundreds of sessions, across many runs of the account: none is lost or doubled, and the limit holds', async () => {
  const limit = SESSIONS * 10 - 50;
  await stack.aegrail.accounts.set('many', { tokens: limit, per: 'total', by: 'boss' });
  // As many workers ask.
  const banks = Array.from({ length: WORKERS }, () => accountsThrough(stack.client));
  const [bank] = banks as [AccountsInTemporal];
  const granted = new Map<string, number>();
  const again = async <T>(work: () => Promise<T>): Promise<T> => {
    for (let attempt = 0; ; attempt++) {
      try {
        return await work();
      } catch (thrown) {
        // What a worker's activity would be tried again for.
        if (attempt > 20) throw thrown;
        await new Promise((resolve) => setTimeout(resolve, 50 * (attempt + 1)));
      }
    }
  };
  const queue = Array.from({ length: SESSIONS }, (_, index) => `many-${index}`);
  const next = async (): Promise<void> => {
    for (let session = queue.pop(); session !== undefined; session = queue.pop()) {
      const id = session;
      const ask: LeaseAsk = {
        session: id,
        n: 1,
        held: NOTHING,
        used: NOTHING,
        want: tokens(10),
        least: tokens(1),
        most: tokens(10),
      };
      const answers: LeaseAnswer[] = await Promise.all(
        [banks[0], banks.at(-1)].map((one) => again(() => one!.lease('many', ask))),
      );
      const [first, second] = answers.map((answer) => answer.granted?.tokens ?? 0);
      expect(second).toBe(first);
      granted.set(id, first ?? 0);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, next));
  const total = [...granted.values()].reduce((sum, one) => sum + one, 0);
  expect(total).toBe(limit);
  const view = await stack.aegrail.accounts.show('many');
  expect(view).toMatchObject({ leased: { tokens: limit }, posted: NOTHING, holderCount: limit / 10 });
  expect(new Map(view.holders.map(({ session, holds }) => [session, holds.tokens]))).toEqual(
    new Map([...granted].filter(([, count]) => count > 0)),
  );
  const described = await stack.client.workflow.getHandle('account:many').describe();
  expect(described.raw.workflowExecutionInfo?.firstRunId).not.toBe(described.runId);
  await Promise.all([...granted.keys()].map((session) => bank.settle('many', { session, n: 1, used: tokens(7) })));
  await expect
    .poll(() => stack.aegrail.accounts.show('many'))
    .toMatchObject({ leased: NOTHING, posted: { tokens: (limit / 10) * 7 }, holderCount: 0 });
});

test('a session that goes on in other runs goes on with its leases', async () => {
  await stack.aegrail.accounts.set('long', { toolCalls: 30, per: 'total', by: 'boss' });
  const session = await stack.start({ input: '30', account: 'long' });
  expect(await session.result()).toMatchObject({ outcome: 'answered', budget: { tool_calls: 30 } });
  const records = await stack.records(session.id);
  expect(records.some(({ event }) => event === 'session_continued')).toBe(true);
  const leased = records.flatMap((record) => (record.event === 'account_leased' ? [record.payload] : []));
  expect(leased.map(({ n, amounts }) => [n, amounts.tool_calls])).toEqual([
    [1, 10],
    [2, 10],
    [3, 10],
  ]);
  expect((await fetchHistories(stack.client, session.id)).length).toBeGreaterThan(1);
  await expect
    .poll(() => stack.aegrail.accounts.show('long'))
    .toMatchObject({ leased: NOTHING, posted: { toolCalls: 30 } });
});
