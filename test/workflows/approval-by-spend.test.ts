import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Session } from '../../src/client.ts';
import type { WaitingApproval } from '../../src/protocol.ts';
import type { Turn } from '../../src/model-endpoint/index.ts';
import { aegrail } from '../cli/kit.ts';
import { botConfig, type Stack, startStack, toolsModule } from '../harness/stack.ts';

const TOOLS = toolsModule(`
export const look = defineTool({ description: 'Looks.', input: z.object({ at: z.number() }), execute: () => 'seen' });`);

/** An answer of so many tokens costs 4.5 micro-USD each. */
const LONG = 'words and words '.repeat(150);
const ABOVE_USD = 0.01;

let stack: Stack;
beforeAll(async () => {
  const { agents } = botConfig({
    tools: { look: { module: './tools.ts', approval: { aboveUsd: ABOVE_USD } } },
    limits: { usd: 1, wallSeconds: 600 },
  });
  const bot = agents['bot']!;
  const byCel = { when: `budget.usd_used > ${ABOVE_USD}`, show: 'full' as const };
  stack = await startStack({
    files: { 'tools.ts': TOOLS },
    script: (turn: Turn) =>
      turn.index === 3 && turn.tools.some(({ name }) => name === 'helper')
        ? { say: LONG, call: [{ tool: 'helper', args: { task: 'Look.' } }] }
        : turn.index < 8
          ? { say: LONG, call: [{ tool: 'look', args: { at: turn.index } }] }
          : { say: 'Done.' },
    config: {
      agents: {
        bot,
        lead: {
          ...bot,
          limits: { usd: 1, wallSeconds: 600, maxRecursionDepth: 1 },
          tools: { look: { module: './tools.ts', approval: { aboveUsd: ABOVE_USD } } },
          agents: { helper: {} },
        },
        helper: { ...bot, tools: { look: { module: './tools.ts' } } },
        cel: { ...bot, tools: { look: { module: './tools.ts', approval: byCel } } },
      },
    },
  });
});
afterAll(() => stack.close());

async function waitingOf(session: Session): Promise<WaitingApproval> {
  await expect.poll(async () => (await session.view().catch(() => null))?.approvals.length).toBe(1);
  const [one] = (await session.view()).approvals;
  if (!one) throw new Error('nothing waits');
  return one;
}

test.each<[string, RegExp]>([
  ['bot', /^The session has used 0\.01\d* USD, and asks above 0\.01 USD\.$/],
  ['cel', /^The rule asks: budget\.usd_used > 0\.01$/],
])('%s: calls run until so much was spent; from then on each one asks, with cost and reason', async (agent, says) => {
  const session = await stack.start({ agent });
  for (let asked = 0; ; asked++) {
    const first = await waitingOf(session);
    expect(first.usdUsed).toBeGreaterThan(ABOVE_USD);
    expect(first.usdUsed).toBe((await session.view()).budget.usd_used);
    if (asked === 0) expect(first.why).toMatch(says);
    const { request, digest } = first;
    await session.decide({ request, digest, decision: 'approve', by: 'bob' });
    await expect
      .poll(async () => {
        const { approvals, result } = await session.view();
        return result !== null || (approvals[0] !== undefined && approvals[0].request !== request);
      })
      .toBe(true);
    if ((await session.view()).result) break;
  }
  expect(await session.result()).toMatchObject({ outcome: 'answered', answer: 'Done.', budget: { tool_calls: 8 } });
  const records = await stack.records(session.id);
  for (const record of records) {
    if (record.event !== 'tool_admitted') continue;
    const wasAsked = records[record.seq - 1]?.event === 'approval_decided';
    expect(wasAsked).toBe(record.budget.usd_used > ABOVE_USD);
  }
  expect(records.filter(({ event }) => event === 'approval_requested').length).toBeLessThan(8);
});

test('what was spent above a sub-agent counts', async () => {
  const session = await stack.start({ agent: 'lead' });
  const asked = (): Promise<unknown> => aegrail(['approvals', '--json'], { cwd: stack.dir }).then(({ out }) => out);
  await expect.poll(asked).toContain(`"sessionId":"${session.id}.`);
  const id = /sess_[^"]+\.\d+/.exec(String(await asked()))?.[0] ?? '';
  const below = stack.aegrail.session(id);
  const first = await waitingOf(below);
  expect(first.why).toMatch(
    /^The session has used 0\.01\d* USD, 0\.01\d* USD of it by those above it, and asks above 0\.01 USD/,
  );
  expect(first.usdUsed).toBeLessThan(ABOVE_USD);
  await session.cancel();
  await session.result();
});

test('the command line says what was spent and why it asks', async () => {
  const session = await stack.start({});
  const { request, usdUsed, why } = await waitingOf(session);
  const list = await aegrail(['approvals', session.id], { cwd: stack.dir });
  expect(list.out).toMatch(/usd so far {2}why/);
  expect(list.out).toContain(`${usdUsed}  ${why}`);
  const json = await aegrail(['approvals', session.id, '--json'], { cwd: stack.dir });
  expect(JSON.parse(json.out)).toMatchObject({ sessionId: session.id, request, usdUsed, why });
  await session.cancel();
  await session.result();
});
