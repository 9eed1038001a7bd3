import { afterAll, beforeAll, expect, test } from 'vitest';
import { usdToNano } from '../../src/core/units.ts';
import { reset } from '../fixtures/workflows/reset.ts';
import { until } from '../fixtures/workflows/until.ts';
import { type DelegatingStack, startDelegatingStack } from '../harness/delegating-stack.ts';

let stack: DelegatingStack;
beforeAll(async () => {
  stack = await startDelegatingStack();
});
afterAll(() => stack.close());

test('a sub-agent that is in the middle of a call is moved to no other contract, and who asks hears so at once', async () => {
  const session = await stack.start({ input: 'helper: hang: x' });
  const child = stack.aegrail.session(await stack.childOf(session));
  await until('its call', async () => (await stack.recordsOf(child.id, 'tool_admitted'))[0]);
  const [started] = await stack.recordsOf(session.id, 'session_started');
  const asked = child.migrate({ sha256: started?.payload.contract_sha256 ?? '', by: 'boss@acme.com' });
  await expect(asked).rejects.toThrow(/that of a sub-agent/);
  await session.cancel();
  await session.result();
});

test('cancelling a session stops all below it, and settles', async () => {
  const session = await stack.start({ input: 'chief: helper: hang: x | helper: hang: y' });
  const chief = await stack.childOf(session);
  // The chief has no tool of that name, so what hangs is the parent's own helper.
  const helper = await until(
    'a record',
    async () =>
      (await stack.recordsOf(session.id, 'tool_admitted')).find(({ payload }) => payload.tool === 'helper')?.payload
        .agent?.session_id,
  );
  await until('a record', async () => (await stack.recordsOf(helper, 'tool_admitted')).length > 0);
  await until('a record', async () => (await stack.records(chief)).length > 0);
  await session.cancel();
  expect(await session.result()).toMatchObject({ outcome: 'cancelled' });
  expect((await stack.records(helper)).at(-1)).toMatchObject({
    event: 'session_ended',
    payload: { outcome: 'cancelled' },
  });
  const ended = (await stack.recordsOf(session.id, 'tool_call')).find(({ payload }) => payload.tool === 'helper');
  const last = (await stack.records(helper)).at(-1);
  expect(ended?.payload).toMatchObject({ outcome: 'cancelled', agent: { session_id: helper, outcome: 'cancelled' } });
  expect(ended?.payload.posted.usd_nano).toBe(usdToNano(last?.budget.usd_used ?? 0));
});

test('a sub-agent that is terminated is settled by what it spent, and in flight counts in full', async () => {
  const session = await stack.start({ input: 'helper: hang: x' });
  const child = await stack.childOf(session);
  await until('a record', async () => (await stack.recordsOf(child, 'tool_admitted')).length > 0);
  await stack.client.workflow.getHandle(child).terminate('an operator did');
  const result = await session.result();
  expect(result.answer).toContain('"outcome":"terminated"');
  const last = (await stack.records(child)).at(-1);
  const [ended] = await stack.recordsOf(session.id, 'tool_call');
  expect(ended?.payload).toMatchObject({ outcome: 'error', agent: { outcome: 'terminated' } });
  expect(ended?.payload.posted).toEqual({
    usd_nano: usdToNano(last?.budget.usd_used ?? 0),
    tokens: last?.budget.tokens_used,
    tool_calls: 2,
  });
});

test('nothing more of a session runs whose parent was ended from outside', async () => {
  const session = await stack.start({ input: 'chief: forever: look' });
  const child = await stack.childOf(session);
  await until('calls of the child', async () => (await stack.recordsOf(child, 'tool_call')).length > 2);
  await session.handle.terminate('an operator did');
  expect(await stack.aegrail.session(child).result()).toMatchObject({ outcome: 'cancelled' });
  const refused = (await stack.records(child)).find(({ payload }) => 'error' in payload);
  expect(refused?.payload).toMatchObject({ outcome: 'not_started', error: { code: 'PARENT_GONE' } });
});

test('a session that was reset posts all that those below it were given, and stops them', async () => {
  const session = await stack.start({ input: 'chief: forever: look' });
  const child = await stack.childOf(session);
  await until('calls of the child', async () => (await stack.recordsOf(child, 'tool_call')).length > 1);
  // Back to where its model was asked: it will call the chief anew.
  await reset(stack.client, session, 1);
  const gone = await until('the reset in the log', async () => (await stack.recordsOf(session.id, 'session_reset'))[0]);
  expect(gone.payload.in_flight).toBe(1);
  const [lost] = await stack.recordsOf(session.id, 'tool_call');
  const [admitted] = await stack.recordsOf(session.id, 'tool_admitted');
  expect(lost?.payload).toMatchObject({ outcome: 'unknown', agent: { session_id: child, outcome: 'unknown' } });
  expect(lost?.payload.posted).toEqual(admitted?.payload.reserved);
  expect(await stack.aegrail.session(child).result()).toMatchObject({ outcome: 'cancelled' });
  // All that it had is posted: nothing is left to call the chief anew with.
  expect(await session.result()).toMatchObject({ outcome: 'killed', reason: 'max_tool_calls' });
});

test('a session that was reset goes on, where an agent holds the last tool calls', async () => {
  const session = await stack.start({ input: 'chief: forever: look | look: shore', limits: { maxToolCalls: 40 } });
  const child = await stack.childOf(session);
  await until('calls of the child', async () => (await stack.recordsOf(child, 'tool_call')).length > 1);
  // Back to where its model had answered: it admits the chief anew, and hears that its log has moved.
  await reset(stack.client, session, 2);
  expect(await session.result()).toMatchObject({ outcome: 'killed', reason: 'max_tool_calls' });
});

test('a sub-agent that was settled runs no more, also when it is reset while its parent waits for others', async () => {
  const session = await stack.start({ input: 'helper: look: sea | helper: hang: x' });
  const child = await stack.childOf(session);
  await until('a record', async () => (await stack.records(child)).length > 0);
  expect(await stack.aegrail.session(child).result()).toMatchObject({ outcome: 'answered' });
  const [ended] = await until('its end in the log of its parent', async () => {
    const found = await stack.recordsOf(session.id, 'tool_call');
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
