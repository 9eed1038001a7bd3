import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Session } from '../../src/client.ts';
import type { ContractFileInput } from '../../src/config/schema.ts';
import type { ChainedRecord, Events } from '../../src/core/record.ts';
import { usdToNano } from '../../src/core/units.ts';
import type { Step, Turn } from '../../src/model-endpoint/index.ts';
import { SESSION_WORKFLOW } from '../../src/protocol.ts';
import { reset } from '../fixtures/workflows/reset.ts';
import { until } from '../fixtures/workflows/until.ts';
import { aegrail } from '../cli/kit.ts';
import { type Stack, startStack, toolsModule } from '../harness/stack.ts';

const TOOLS = toolsModule(`
export const look = defineTool({ description: 'Looks.', input: z.object({ at: z.string() }), execute: ({ at }) => 'saw ' + at });
export const write = defineTool({ description: 'Writes.', input: z.object({}), execute: () => 'written' });
export const hang = defineTool({
  description: 'Listens to its signal.',
  input: z.object({}),
  execute: (_, { signal }) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
});`);

/**
 * What a model is told to do: "helper: look at sea | look: shore" asks the agent helper to "look at sea", and looks itself,
 * in one answer; then it says what it heard.
 */
function script({ lastToolResults, lastUserText }: Turn): Step {
  if (lastUserText.startsWith('forever')) return { call: [{ tool: 'look', args: { at: 'sea' } }] };
  if (lastToolResults.length > 0) return { say: `heard ${lastToolResults.map(({ text }) => text).join(' and ')}` };
  const calls = lastUserText.split(' | ').flatMap((order) => {
    const [, tool, what] = /^(\w+): (.*)$/s.exec(order) ?? [];
    if (!tool || what === undefined) return [];
    return [{ tool, args: tool === 'look' ? { at: what } : ['write', 'hang'].includes(tool) ? {} : { task: what } }];
  });
  return calls.length > 0 ? { call: calls } : { say: `done: ${lastUserText}` };
}

const tools = (names: readonly string[]): Record<string, { module: string }> =>
  Object.fromEntries(names.map((name) => [name, { module: './tools.ts' }]));

const quiet = { model: 'openai/gpt-5.4-mini', budget: { softLimit: 0 }, loops: { maxRepeats: 0 } };
const config: ContractFileInput = {
  agents: {
    bot: {
      ...quiet,
      limits: { usd: 1, wallSeconds: 600, maxToolCalls: 2000, maxRecursionDepth: 2 },
      tools: { ...tools(['hang']), look: { module: './tools.ts', when: 'args.at != "sun"' } },
      agents: { helper: { limits: { usd: 0.2 } }, chief: {} },
    },
    chief: {
      ...quiet,
      limits: { usd: 0.5, wallSeconds: 300, maxRecursionDepth: 1 },
      agents: { helper: { limits: { usd: 0.1 } } },
      tools: tools(['look']),
    },
    helper: {
      ...quiet,
      limits: { usd: 0.3, wallSeconds: 120, maxToolCalls: 3 },
      tools: { ...tools(['write', 'hang']), look: { module: './tools.ts', when: 'args.at != "moon"' } },
    },
  },
};

let stack: Stack;
beforeAll(async () => {
  stack = await startStack({ files: { 'tools.ts': TOOLS }, script, config });
});
afterAll(() => stack.close());

type RecordOf<E extends keyof Events> = Extract<ChainedRecord, { event: E }>;
async function recordsOf<E extends keyof Events>(sessionId: string, event: E): Promise<RecordOf<E>[]> {
  const all = await stack.records(sessionId);
  return all.filter((record): record is RecordOf<E> => record.event === event);
}
/** The child of a session that was started first. */
async function childOf(session: Session): Promise<string> {
  return until(
    'a record',
    async () =>
      (await recordsOf(session.id, 'tool_admitted')).find(({ payload }) => payload.agent)?.payload.agent?.session_id,
  );
}

test('an agent is a tool of another: a session of its own, in a slice of the budget', async () => {
  const session = await stack.start({ input: 'helper: look: sea' });
  const result = await session.result();
  expect(result).toMatchObject({ outcome: 'answered', answer: 'heard heard saw sea' });
  const [admitted] = await recordsOf(session.id, 'tool_admitted');
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
  const [started] = await recordsOf(child, 'session_started');
  expect(started).toMatchObject({
    agent_identity: 'helper/v1',
    invoking_user: 'ann@acme.com',
    payload: { recursion_depth: 1, parent: { session_id: session.id, seq: admitted?.seq }, chain: [result.principal] },
  });
  // What it used is posted, to the nano-USD: what the child's own log comes to, and one call.
  const [ended] = await recordsOf(session.id, 'tool_call');
  const last = (await stack.records(child)).at(-1);
  expect(ended?.payload).toMatchObject({ ok: true, outcome: 'ok', agent: { session_id: child, outcome: 'answered' } });
  expect(ended?.payload.posted).toEqual({
    usd_nano: usdToNano(last?.budget.usd_used ?? 0),
    tokens: last?.budget.tokens_used,
    tool_calls: 2,
  });
  expect(last?.budget.usd_used).toBeGreaterThan(0);
});

test('a sub-agent that is in the middle of a call is moved to no other contract, and who asks hears so at once', async () => {
  const session = await stack.start({ input: 'helper: hang: x' });
  const child = stack.aegrail.session(await childOf(session));
  await until('its call', async () => (await recordsOf(child.id, 'tool_admitted'))[0]);
  const [started] = await recordsOf(session.id, 'session_started');
  const asked = child.migrate({ sha256: started?.payload.contract_sha256 ?? '', by: 'boss@acme.com' });
  await expect(asked).rejects.toThrow(/that of a sub-agent/);
  await session.cancel();
  await session.result();
});

test('show --tree shows a session, those below it, and what each has spent', async () => {
  const session = await stack.start({ input: 'chief: helper: look: sea' });
  await session.result();
  const chief = await childOf(session);
  const helper = await childOf(stack.aegrail.session(chief));
  const shown = async (): Promise<string> => (await aegrail(['show', session.id, '--tree'], { cwd: stack.dir })).out;
  // What Temporal lists is behind by some moments.
  await expect.poll(shown, { timeout: 20_000 }).toContain(helper);
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
  const children = (await recordsOf(session.id, 'tool_admitted')).map(({ payload }) => payload.agent?.session_id ?? '');
  expect(children).toHaveLength(3);
  const denied = await Promise.all(children.map((id) => recordsOf(id, 'tool_denied')));
  // The parent has no write; its rule has no sun; the helper's own has no moon.
  expect(denied.flat().map(({ payload }) => payload.reason)).toEqual([
    'not_registered',
    'predicate_false',
    'predicate_false',
  ]);
  const [started] = await recordsOf(children[0] ?? '', 'session_started');
  expect(started?.payload.tools).toEqual(['hang', 'look']);
  expect(answer).toContain('heard');
});

test('parallel children share what is left, and never overshoot', async () => {
  const orders = Array.from({ length: 8 }, (_, index) => `helper: look: place ${index}`).join(' | ');
  const session = await stack.start({ input: orders, limits: { usd: 0.02, maxToolCalls: 17 } });
  const result = await session.result();
  const admitted = await recordsOf(session.id, 'tool_admitted');
  const reserved = admitted.reduce((sum, { payload }) => sum + payload.reserved.usd_nano, 0);
  expect(admitted.length).toBeGreaterThanOrEqual(8);
  expect(reserved).toBeLessThanOrEqual(20_000_000);
  expect(result.budget.usd_used).toBeLessThanOrEqual(0.02);
  expect(result.budget.tool_calls).toBeLessThanOrEqual(17);
});

test('a call beside an agent that holds the last tool calls waits until it has ended', async () => {
  const session = await stack.start({ input: 'chief: look: sea | look: shore', limits: { maxToolCalls: 10 } });
  expect(await session.result()).toMatchObject({ outcome: 'answered', answer: 'heard heard saw sea and saw shore' });
  const [chief, look] = await recordsOf(session.id, 'tool_admitted');
  // The chief has no limit of its own: it was given all but the call itself.
  expect(chief?.payload.reserved.tool_calls).toBe(10);
  const [ended] = await recordsOf(session.id, 'tool_call');
  expect(look?.seq).toBeGreaterThan(ended?.seq ?? Infinity);
});

test('a session below one below: depth and chain go on, and what is too deep is not offered', async () => {
  const session = await stack.start({ input: 'chief: helper: look: sea' });
  const result = await session.result();
  expect(result.answer).toBe('heard heard heard saw sea');
  const chief = await childOf(session);
  const [admitted] = await recordsOf(chief, 'tool_admitted');
  const [started] = await recordsOf(admitted?.payload.agent?.session_id ?? '', 'session_started');
  const [above] = await recordsOf(chief, 'session_started');
  expect(started?.payload).toMatchObject({ recursion_depth: 2, chain: [result.principal, above?.principal] });
  const shallow = await stack.start({ input: 'chief: helper: look: sea', limits: { maxRecursionDepth: 1 } });
  await shallow.result();
  const [denied] = await recordsOf(await childOf(shallow), 'tool_denied');
  expect(denied?.payload).toMatchObject({ tool: 'helper', reason: 'not_registered' });
});

test('a session that may have none below it is killed when it asks for one', async () => {
  const session = await stack.start({ input: 'helper: look: sea', limits: { maxRecursionDepth: 0 } });
  expect(await session.result()).toMatchObject({ outcome: 'killed', reason: 'max_recursion_depth' });
  // Under the limits that it had it would have gone the same way.
  const replayed = await aegrail(['audit', 'replay', session.id, '--with-limits', 'usd=1'], { cwd: stack.dir });
  expect(replayed.out).toContain('no call would have gone another way');
});

test('cancelling a session stops all below it, and settles', async () => {
  const session = await stack.start({ input: 'chief: helper: hang: x | helper: hang: y' });
  const chief = await childOf(session);
  // The chief has no tool of that name, so what hangs is the parent's own helper.
  const helper = await until(
    'a record',
    async () =>
      (await recordsOf(session.id, 'tool_admitted')).find(({ payload }) => payload.tool === 'helper')?.payload.agent
        ?.session_id,
  );
  await until('a record', async () => (await recordsOf(helper, 'tool_admitted')).length > 0);
  await until('a record', async () => (await stack.records(chief)).length > 0);
  await session.cancel();
  expect(await session.result()).toMatchObject({ outcome: 'cancelled' });
  expect((await stack.records(helper)).at(-1)).toMatchObject({
    event: 'session_ended',
    payload: { outcome: 'cancelled' },
  });
  const ended = (await recordsOf(session.id, 'tool_call')).find(({ payload }) => payload.tool === 'helper');
  const last = (await stack.records(helper)).at(-1);
  expect(ended?.payload).toMatchObject({ outcome: 'cancelled', agent: { session_id: helper, outcome: 'cancelled' } });
  expect(ended?.payload.posted.usd_nano).toBe(usdToNano(last?.budget.usd_used ?? 0));
});

test('a sub-agent that is terminated is settled by what it spent, and in flight counts in full', async () => {
  const session = await stack.start({ input: 'helper: hang: x' });
  const child = await childOf(session);
  await until('a record', async () => (await recordsOf(child, 'tool_admitted')).length > 0);
  await stack.client.workflow.getHandle(child).terminate('an operator did');
  const result = await session.result();
  expect(result.answer).toContain('"outcome":"terminated"');
  const last = (await stack.records(child)).at(-1);
  const [ended] = await recordsOf(session.id, 'tool_call');
  expect(ended?.payload).toMatchObject({ outcome: 'error', agent: { outcome: 'terminated' } });
  expect(ended?.payload.posted).toEqual({
    usd_nano: usdToNano(last?.budget.usd_used ?? 0),
    tokens: last?.budget.tokens_used,
    tool_calls: 2,
  });
});

test('nothing more of a session runs whose parent was ended from outside', async () => {
  const session = await stack.start({ input: 'chief: forever: look' });
  const child = await childOf(session);
  await until('calls of the child', async () => (await recordsOf(child, 'tool_call')).length > 2);
  await session.handle.terminate('an operator did');
  expect(await stack.aegrail.session(child).result()).toMatchObject({ outcome: 'cancelled' });
  const refused = (await stack.records(child)).find(({ payload }) => 'error' in payload);
  expect(refused?.payload).toMatchObject({ outcome: 'not_started', error: { code: 'PARENT_GONE' } });
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
  const [denied] = await recordsOf(session.id, 'tool_denied');
  expect(denied?.payload).toMatchObject({ tool: 'stranger', reason: 'not_registered' });
});

test('a session that was reset posts all that those below it were given, and stops them', async () => {
  const session = await stack.start({ input: 'chief: forever: look' });
  const child = await childOf(session);
  await until('calls of the child', async () => (await recordsOf(child, 'tool_call')).length > 1);
  // Back to where its model was asked: it will call the chief anew.
  await reset(stack.client, session, 1);
  const gone = await until('the reset in the log', async () => (await recordsOf(session.id, 'session_reset'))[0]);
  expect(gone.payload.in_flight).toBe(1);
  const [lost] = await recordsOf(session.id, 'tool_call');
  const [admitted] = await recordsOf(session.id, 'tool_admitted');
  expect(lost?.payload).toMatchObject({ outcome: 'unknown', agent: { session_id: child, outcome: 'unknown' } });
  expect(lost?.payload.posted).toEqual(admitted?.payload.reserved);
  expect(await stack.aegrail.session(child).result()).toMatchObject({ outcome: 'cancelled' });
  // All that it had is posted: nothing is left to call the chief anew with.
  expect(await session.result()).toMatchObject({ outcome: 'killed', reason: 'max_tool_calls' });
});

test('a session that was reset goes on, where an agent holds the last tool calls', async () => {
  const session = await stack.start({ input: 'chief: forever: look | look: shore', limits: { maxToolCalls: 40 } });
  const child = await childOf(session);
  await until('calls of the child', async () => (await recordsOf(child, 'tool_call')).length > 1);
  // Back to where its model had answered: it admits the chief anew, and hears that its log has moved.
  await reset(stack.client, session, 2);
  expect(await session.result()).toMatchObject({ outcome: 'killed', reason: 'max_tool_calls' });
});

test('a sub-agent that was settled runs no more, also when it is reset while its parent waits for others', async () => {
  const session = await stack.start({ input: 'helper: look: sea | helper: hang: x' });
  const child = await childOf(session);
  await until('a record', async () => (await stack.records(child)).length > 0);
  expect(await stack.aegrail.session(child).result()).toMatchObject({ outcome: 'answered' });
  const [ended] = await until('its end in the log of its parent', async () => {
    const found = await recordsOf(session.id, 'tool_call');
    return found.length > 0 ? found : null;
  });
  const before = await stack.records(child);
  await reset(stack.client, stack.aegrail.session(child), 1);
  await expect(stack.aegrail.session(child).result()).rejects.toMatchObject({ code: 'DELEGATION_REFUSED' });
  expect(await stack.records(child)).toEqual(before);
  expect(ended?.payload.posted.usd_nano).toBe(usdToNano(before.at(-1)?.budget.usd_used ?? 0));
  await session.cancel();
  expect(await session.result()).toMatchObject({ outcome: 'cancelled' });
});
