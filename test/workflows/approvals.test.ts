import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { DecisionInput } from '../../src/core/approval.ts';
import type { Session } from '../../src/client.ts';
import type { ChainedRecord } from '../../src/core/record.ts';
import { DECIDE, type WaitingApproval } from '../../src/protocol.ts';
import type { Turn } from '../../src/model-endpoint/index.ts';
import { aegrail } from '../cli/kit.ts';
import { botConfig, type Stack, startStack, toolsModule } from '../harness/stack.ts';

const TOOLS = toolsModule(`
const amount = z.object({ amount: z.number() });
export const refund = defineTool({ description: 'Pays back.', input: amount, execute: ({ amount }) => 'paid ' + amount });
export const transfer = defineTool({ description: 'Moves money.', input: amount, execute: ({ amount }) => 'moved ' + amount });
export const brief = defineTool({ description: 'Waits shortly.', input: amount, execute: () => 'done' });`);

let stack: Stack;
beforeAll(async () => {
  stack = await startStack({
    files: { 'tools.ts': TOOLS },
    script: (turn: Turn) => {
      const [tool = 'refund', amount = '80'] = turn.lastUserText.split(' ');
      const [result] = turn.lastToolResults;
      return result ? { say: result.text } : { call: [{ tool, args: { amount: Number(amount) } }] };
    },
    config: botConfig({
      tools: {
        refund: {
          module: './tools.ts',
          when: 'args.amount <= 500.0',
          approval: { when: 'args.amount > 50.0', show: 'full' },
        },
        transfer: {
          module: './tools.ts',
          approval: { quorum: 2, approvers: "approver.id.endsWith('@bank.com')", excludeUser: false },
        },
        brief: { module: './tools.ts', approval: { expiresSeconds: 1 } },
      },
    }),
  });
});
afterAll(() => stack.close());

async function waitingOf(session: Session): Promise<WaitingApproval> {
  await expect.poll(async () => (await session.view().catch(() => null))?.approvals.length).toBe(1);
  const [one] = (await session.view()).approvals;
  if (!one) throw new Error('nothing waits');
  return one;
}

const records = (session: Session, event: string): Promise<ChainedRecord[]> =>
  stack.records(session.id).then((all) => all.filter((record) => record.event === event));

test('a call that needs no approval runs, one that does waits until somebody says yes', async () => {
  const small = await stack.start({ input: 'refund 20' });
  expect(await small.result()).toMatchObject({ answer: 'paid 20' });
  const session = await stack.start({ input: 'refund 80' });
  const { request, digest, args, tool } = await waitingOf(session);
  expect({ tool, args }).toEqual({ tool: 'refund', args: { amount: 80 } });
  expect((await session.view()).doing).toBe(`waiting for approval of refund (${request})`);
  // What people were asked is stored before they are: records show no more than the contract lets them.
  expect(await records(session, 'approval_requested')).toMatchObject([
    { payload: { request, digest, tool: 'refund', args: { keys: [{ key: 'amount', bytes: 2 }] } } },
  ]);
  expect(await session.decide({ request, digest, decision: 'approve', by: 'bob', reason: 'checked' })).toMatchObject({
    outcome: 'approved',
    approvedBy: ['bob'],
  });
  expect(await session.result()).toMatchObject({ outcome: 'answered', answer: 'paid 80' });
  expect(await records(session, 'approval_decided')).toMatchObject([
    { payload: { request, digest, decision: 'approve', by: 'bob', reason: 'checked', outcome: 'approved', why: null } },
  ]);
});

test('a rule that denies denies without asking anybody', async () => {
  const session = await stack.start({ input: 'refund 501' });
  expect((await session.result()).answer).toContain('predicate_false');
  expect(await records(session, 'approval_requested')).toEqual([]);
});

test('denied, the agent is told why, and the tool does not run', async () => {
  const session = await stack.start({ input: 'refund 90' });
  const { request, digest } = await waitingOf(session);
  await session.decide({ request, digest, decision: 'deny', by: 'bob', reason: 'too much' });
  expect((await session.result()).answer).toContain('bob said no: too much');
  expect(await records(session, 'tool_denied')).toMatchObject([
    { payload: { reason: 'approval_denied', asi: 'ASI09' } },
  ]);
  expect(await records(session, 'tool_admitted')).toEqual([]);
});

test('what nobody decides in time is refused', async () => {
  const session = await stack.start({ input: 'brief 1' });
  expect((await session.result()).answer).toContain('approval_expired');
  expect(await records(session, 'approval_expired')).toHaveLength(1);
});

test('decisions that change nothing are stored while it waits, and never too much for one call', async () => {
  const session = await stack.start({ input: 'transfer 6' });
  const { request, digest } = await waitingOf(session);
  const refused = { request, digest, decision: 'approve', by: 'mallory@evil.com', reason: '\u4e16'.repeat(500) };
  // More than 2 MB of records.
  for (let batch = 0; batch < 12; batch++)
    await Promise.all(Array.from({ length: 100 }, () => session.handle.signal(DECIDE, refused)));
  for (const by of ['a@bank.com', 'b@bank.com']) await session.decide({ request, digest, decision: 'approve', by });
  expect(await session.result()).toMatchObject({ answer: 'moved 6' });
  expect(await records(session, 'approval_decided')).toHaveLength(1_202);
});

test('a quorum of people who may', async () => {
  const session = await stack.start({ input: 'transfer 5', user: 'eve@bank.com' });
  const { request, digest } = await waitingOf(session);
  const decide = (by: string) => session.decide({ request, digest, decision: 'approve', by });
  await expect(decide('mallory@evil.com')).rejects.toMatchObject({ code: 'APPROVAL_REFUSED' });
  expect(await decide('a@bank.com')).toMatchObject({ outcome: 'waiting', approvedBy: ['a@bank.com'], quorum: 2 });
  await expect(decide('a@bank.com')).rejects.toThrow(/same person/);
  expect(await decide('b@bank.com')).toMatchObject({ outcome: 'approved' });
  expect(await session.result()).toMatchObject({ answer: 'moved 5' });
  // What was a decision is recorded, also one that changed nothing.
  const outcomes = (await records(session, 'approval_decided')).map(
    ({ payload }) => (payload as { outcome: string }).outcome,
  );
  expect(outcomes).toEqual(['refused', 'waiting', 'refused', 'approved']);
});

describe('a decision that may not be', () => {
  test.each<[string, (one: WaitingApproval) => unknown, RegExp]>([
    ['of whom the agent works for', (one) => ({ ...one, by: 'ann@acme.com' }), /works for may not/],
    ['of another call', (one) => ({ ...one, digest: 'a'.repeat(64) }), /another call/],
    ['of a request that is none', (one) => ({ ...one, request: 'apr_999' }), /no request apr_999/],
    ['by nobody', (one) => ({ ...one, by: ' ' }), /by must say/],
    ['that is neither', (one) => ({ ...one, decision: 'maybe' }), /approve or deny/],
    ['with a member more', (one) => ({ ...one, admin: true }), /not known/],
    ['that is text', () => 'approve', /one JSON object/],
    ['that is large', (one) => ({ ...one, reason: 'x'.repeat(100_000) }), /at most 500/],
  ])('%s is refused, and harms nothing', async (_what, change, says) => {
    const session = await stack.start({ input: 'refund 80' });
    const { request, digest } = await waitingOf(session);
    const right = { request, digest, decision: 'approve', by: 'bob' };
    const wrong = change(right as unknown as WaitingApproval);
    const refused = await session.handle.executeUpdate(DECIDE, { args: [wrong] }).then(
      () => null,
      (thrown: unknown) => thrown,
    );
    expect((refused as { cause?: Error }).cause?.message).toMatch(says);
    await session.handle.signal(DECIDE, wrong);
    await session.handle.signal(DECIDE, right);
    expect(await session.result()).toMatchObject({ answer: 'paid 80' });
    await expect(session.decide({ ...right, decision: 'approve' })).rejects.toMatchObject({ code: 'APPROVAL_REFUSED' });
  });
});

test('a session that waits can be cancelled', async () => {
  const session = await stack.start({ input: 'refund 80' });
  await waitingOf(session);
  await session.cancel();
  expect(await session.result()).toMatchObject({ outcome: 'cancelled' });
});

test('the command line lists, approves and denies', async () => {
  const cli = (...args: string[]) => aegrail(args, { cwd: stack.dir });
  const session = await stack.start({ input: 'refund 80' });
  const { request } = await waitingOf(session);
  const list = await cli('approvals');
  expect(list.out).toContain(session.id);
  expect(list.out).toContain('{"amount":80}');
  expect(await cli('approve', session.id, 'apr_0', '--by', 'bob')).toMatchObject({ code: 1, out: '' });
  expect(await cli('approve', session.id, request, '--by', 'bob')).toMatchObject({
    code: 0,
    out: `refund, ${request}: approved\n`,
  });
  expect(await session.result()).toMatchObject({ answer: 'paid 80' });
});

test('its page in the Temporal UI says what to send to decide, ready to be copied', async () => {
  const session = await stack.start({ input: 'refund 90' });
  const { request, digest } = await waitingOf(session);
  const metadata = await session.handle.query<{ readonly currentDetails?: string }>('__temporal_workflow_metadata');
  const [, json = ''] = /```\n([^]*?)\n```/.exec(metadata.currentDetails ?? '') ?? [];
  expect(JSON.parse(json)).toEqual({ request, digest, decision: 'approve', by: 'YOU' });
  await session.decide({ ...(JSON.parse(json) as DecisionInput), by: 'bob' });
  expect(await session.result()).toMatchObject({ answer: 'paid 90' });
});
