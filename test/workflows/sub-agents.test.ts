import { afterAll, beforeAll, expect, test } from 'vitest';
import { usdToNano } from '../../src/core/units.ts';
import { SESSION_WORKFLOW } from '../../src/protocol.ts';
import { aegrail, aegrailProcess } from '../cli/kit.ts';
import { type DelegatingStack, startDelegatingStack } from '../harness/delegating-stack.ts';

let stack: DelegatingStack;
beforeAll(async () => {
  stack = await startDelegatingStack();
});
afterAll(() => stack.close());

test('an agent is a tool of another: a session of its own, in a slice of the budget', async () => {
  const session = await stack.start({ input: 'helper: look: sea' });
  const result = await session.result();
  expect(result).toMatchObject({ outcome: 'answered', answer: 'heard heard saw sea' });
  const [admitted] = await stack.recordsOf(session.id, 'tool_admitted');
  const child = `${session.id}.${admitted?.seq}`;
  expect(admitted?.payload).toMatchObject({
    tool: 'helper',
    // 0.2 of the contract's list, and not 0.3 of the agent's own; its tool calls, and the call itself.
    reserved: { usd_nano: 200_000_000, tokens: 0, tool_calls: 4 },
    agent: {
      session_id: child,
      limits: { usd: 0.2, tokens: null, max_tool_calls: 3, wall_seconds: 120, max_recursion_depth: 1 },
    },
  });
  const [started] = await stack.recordsOf(child, 'session_started');
  expect(started).toMatchObject({
    agent_identity: 'helper/v1',
    invoking_user: 'ann@acme.com',
    payload: { recursion_depth: 1, parent: { session_id: session.id, seq: admitted?.seq }, chain: [result.principal] },
  });
  // What it used is posted, to the nano-USD: what the child's own log comes to, and one call.
  const [ended] = await stack.recordsOf(session.id, 'tool_call');
  const last = (await stack.records(child)).at(-1);
  expect(ended?.payload).toMatchObject({ ok: true, outcome: 'ok', agent: { session_id: child, outcome: 'answered' } });
  expect(ended?.payload.posted).toEqual({
    usd_nano: usdToNano(last?.budget.usd_used ?? 0),
    tokens: last?.budget.tokens_used,
    tool_calls: 2,
  });
  expect(last?.budget.usd_used).toBeGreaterThan(0);
});

test('show --tree shows a session, those below it, and what each has spent', async () => {
  const session = await stack.start({ input: 'chief: helper: look: sea' });
  await session.result();
  const chief = await stack.childOf(session);
  const helper = await stack.childOf(stack.aegrail.session(chief));
  const shown = async (): Promise<string> => (await aegrail(['show', session.id, '--tree'], { cwd: stack.dir })).out;
  // What Temporal lists is behind by some moments.
  await expect.poll(shown).toContain(helper);
  const [head, ...rows] = (await shown()).trimEnd().split('\n');
  expect(head).toMatch(/^session +agent +state +usd$/);
  expect(rows.map((row) => row.replace(/ [\d.]+$/, '').trimEnd())).toEqual([
    expect.stringMatching(new RegExp(`^${session.id} +bot +answered`)),
    expect.stringMatching(new RegExp(`^└ ${chief} +chief +answered`)),
    expect.stringMatching(new RegExp(`^  └ ${helper} +helper +answered`)),
  ]);
  const { out } = await aegrail(['show', chief, '--tree', '--json'], { cwd: stack.dir });
  expect(JSON.parse(out)).toMatchObject({ session: { id: chief }, below: [{ session: { id: helper }, below: [] }] });
});

test('a sub-agent may do what it and its parent both may, and no more', async () => {
  const session = await stack.start({ input: 'helper: write: x | helper: look: sun | helper: look: moon' });
  const { answer } = await session.result();
  const children = (await stack.recordsOf(session.id, 'tool_admitted')).map(
    ({ payload }) => payload.agent?.session_id ?? '',
  );
  expect(children).toHaveLength(3);
  const denied = await Promise.all(children.map((id) => stack.recordsOf(id, 'tool_denied')));
  // The parent has no write; its rule has no sun; the helper's own has no moon.
  expect(denied.flat().map(({ payload }) => payload.reason)).toEqual([
    'not_registered',
    'predicate_false',
    'predicate_false',
  ]);
  const [started] = await stack.recordsOf(children[0] ?? '', 'session_started');
  expect(started?.payload.tools).toEqual(['hang', 'look']);
  expect(answer).toContain('heard');
});

test('parallel children share what is left, and never overshoot', async () => {
  const orders = Array.from({ length: 8 }, (_, index) => `helper: look: place ${index}`).join(' | ');
  const session = await stack.start({ input: orders, limits: { usd: 0.02, maxToolCalls: 17 } });
  const result = await session.result();
  const admitted = await stack.recordsOf(session.id, 'tool_admitted');
  const reserved = admitted.reduce((sum, { payload }) => sum + payload.reserved.usd_nano, 0);
  expect(admitted.length).toBeGreaterThanOrEqual(8);
  expect(reserved).toBeLessThanOrEqual(20_000_000);
  expect(result.budget.usd_used).toBeLessThanOrEqual(0.02);
  expect(result.budget.tool_calls).toBeLessThanOrEqual(17);
});

test('a call beside an agent that holds the last tool calls waits until it has ended', async () => {
  const session = await stack.start({ input: 'chief: look: sea | look: shore', limits: { maxToolCalls: 10 } });
  expect(await session.result()).toMatchObject({ outcome: 'answered', answer: 'heard heard saw sea and saw shore' });
  const [chief, look] = await stack.recordsOf(session.id, 'tool_admitted');
  // The chief has no limit of its own: it was given all but the call itself.
  expect(chief?.payload.reserved.tool_calls).toBe(10);
  const [ended] = await stack.recordsOf(session.id, 'tool_call');
  expect(look?.seq).toBeGreaterThan(ended?.seq ?? Infinity);
});

test('a session below one below: depth and chain go on, and what is too deep is not offered', async () => {
  const session = await stack.start({ input: 'chief: helper: look: sea' });
  const result = await session.result();
  expect(result.answer).toBe('heard heard heard saw sea');
  const chief = await stack.childOf(session);
  const [admitted] = await stack.recordsOf(chief, 'tool_admitted');
  const [started] = await stack.recordsOf(admitted?.payload.agent?.session_id ?? '', 'session_started');
  const [above] = await stack.recordsOf(chief, 'session_started');
  expect(started?.payload).toMatchObject({ recursion_depth: 2, chain: [result.principal, above?.principal] });
  const shallow = await stack.start({ input: 'chief: helper: look: sea', limits: { maxRecursionDepth: 1 } });
  await shallow.result();
  const [denied] = await stack.recordsOf(await stack.childOf(shallow), 'tool_denied');
  expect(denied?.payload).toMatchObject({ tool: 'helper', reason: 'not_registered' });
});

test('a session that may have none below it is killed when it asks for one', async () => {
  const session = await stack.start({ input: 'helper: look: sea', limits: { maxRecursionDepth: 0 } });
  expect(await session.result()).toMatchObject({ outcome: 'killed', reason: 'max_recursion_depth' });
  // Under the limits that it had it would have gone the same way.
  const replayed = await aegrailProcess(['audit', 'replay', session.id, '--with-limits', 'usd=1'], { cwd: stack.dir });
  expect(replayed.out).toContain('no call would have gone another way');
});

test('a session that says another one started it runs nothing unless that one says so', async () => {
  const session = await stack.start({ input: 'look: sea' });
  await session.result();
  const forged = {
    agent: 'helper',
    user: 'ann@acme.com',
    input: 'x',
    delegation: { session: session.id, seq: 3, salt: 's' },
  };
  const handle = await stack.client.workflow.start(SESSION_WORKFLOW, {
    workflowId: `${session.id}.3`,
    taskQueue: stack.taskQueue,
    args: [forged],
  });
  await expect(stack.aegrail.session(handle.workflowId).result()).rejects.toMatchObject({ code: 'DELEGATION_REFUSED' });
  expect(await stack.records(handle.workflowId)).toEqual([]);
});

test('an agent that is not listed is no tool', async () => {
  const session = await stack.start({ input: 'stranger: look: sea' });
  await session.result();
  const [denied] = await stack.recordsOf(session.id, 'tool_denied');
  expect(denied?.payload).toMatchObject({ tool: 'stranger', reason: 'not_registered' });
});
