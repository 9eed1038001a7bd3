import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Session } from '../../src/client.ts';
import { callsInHistory } from '../../src/audit/asked-in-history.ts';
import { whatIf } from '../../src/audit/what-if.ts';
import { rulesWith } from '../../src/audit/what-if-rules.ts';
import { canonicalJson } from '../../src/core/canonical.ts';
import type { Contract } from '../../src/core/contract.ts';
import type { ChainedRecord, Events } from '../../src/core/record.ts';
import { grantFromFile } from '../../src/core/limits.ts';
import { type Turn } from '../../src/model-endpoint/index.ts';
import { fetchHistories } from '../../src/temporal/histories.ts';
import { MIGRATE } from '../../src/protocol.ts';
import { botConfig, type Stack, startStack, toolsModule } from '../harness/stack.ts';

const TOOLS = toolsModule(`
export const look = defineTool({ description: 'Looks.', input: z.object({}), execute: () => 'seen' });
export const read = defineTool({ description: 'Reads.', input: z.object({}), execute: () => 'word '.repeat(1000) });
export const pay = defineTool({ description: 'Pays.', input: z.object({}), execute: () => 'paid' });`);

let stack: Stack;
/** The contract that sessions of `bot` begin with, and others for it. */
let begun: { readonly contract: Contract; readonly sha256: string };
beforeAll(async () => {
  const { agents } = botConfig({
    tools: { look: { module: './tools.ts' }, read: { module: './tools.ts' } },
    limits: { usd: 1, maxToolCalls: 4 },
  });
  const bot = agents['bot']!;
  const paying = { ...bot, tools: { pay: { module: './tools.ts', approval: true as const } } };
  stack = await startStack({
    files: { 'tools.ts': TOOLS },
    // Calls the tool that the user names, and says what came of it.
    script: (turn: Turn) => {
      const [result] = turn.lastToolResults;
      return result ? { say: result.text } : { call: [{ tool: turn.lastUserText, args: {} }] };
    },
    config: { agents: { bot, paying, other: bot } },
  });
  const found = stack.worker.contracts.find(({ contract }) => contract.agent === 'bot');
  if (!found) throw new Error('no contract');
  begun = found;
});
afterAll(() => stack.close());

/** Keeps a contract that is like that of `bot`, but for what is changed. @returns its SHA-256 */
function kept(change: (contract: Contract) => Partial<Contract>): Promise<string> {
  const { contract } = begun;
  return stack.store.putContract(canonicalJson({ ...contract, ...change(contract) }));
}

/** One with the tool `pay` in the place of `look`. */
function payingInstead(change: Partial<Contract> = {}): Promise<string> {
  const paying = stack.worker.contracts.find(({ contract }) => contract.agent === 'paying')?.contract;
  const { pay } = paying?.tools ?? {};
  if (!pay) throw new Error('no such tool');
  return kept(() => ({ tools: { pay: { ...pay, approval: null } }, ...change }));
}

type Of<E extends keyof Events> = Extract<ChainedRecord, { event: E }>;
const of = <E extends keyof Events>(records: readonly ChainedRecord[], event: E): Of<E>[] =>
  records.filter((record): record is Of<E> => record.event === event);
const BY = { by: 'boss@acme.com', reason: 'it is to pay' };
const answerTo = async (session: Session, text: string): Promise<string | null> => (await session.send(text)).answer;

test('a conversation is moved to another contract between two turns: tools, limits and prices are others', async () => {
  const session = await stack.start({ input: 'look', conversation: true });
  await session.send('look');
  const before = await session.view();
  const sha256 = await payingInstead({
    version: 'v2',
    limits: grantFromFile({ usd: 2, maxToolCalls: 3, wallSeconds: 900 }),
  });
  expect(await session.migrate({ sha256, ...BY })).toEqual({
    outcome: 'migrated',
    changed: true,
    contractSha256: sha256,
    limits: { usd: 2, maxToolCalls: 3, wallSeconds: 900, maxRecursionDepth: 0 },
  });
  expect(await session.view()).toMatchObject({
    contractSha256: sha256,
    budget: { usd_used: before.budget.usd_used, tool_calls: 2 },
    limits: { usd: 2 },
  });
  expect(await answerTo(session, 'look')).toMatch(/not_registered/);
  expect(await answerTo(session, 'pay')).toBe('paid');
  // Two calls of before and one of now are all that it may make.
  expect(await session.send('pay')).toMatchObject({ outcome: 'killed' });
  expect(await session.result()).toMatchObject({
    outcome: 'killed',
    reason: 'max_tool_calls',
    limits: { maxToolCalls: 3 },
  });
  const records = await stack.records(session.id);
  expect(of(records, 'contract_migrated').map(({ payload }) => payload)).toEqual([
    {
      from_sha256: begun.sha256,
      to_sha256: sha256,
      limits: { usd: 2, tokens: null, wall_seconds: 900, max_tool_calls: 3, max_recursion_depth: 0 },
      model: 'openai/gpt-5.4-mini',
      tools: ['pay'],
      ...BY,
      authorization: null,
    },
  ]);
  expect((await session.describe()).memo).toMatchObject({ version: 'v2' });
  // Replayed under its own rules it is what it was; under one call less it would have ended before it paid.
  const calls = await callsInHistory(await fetchHistories(stack.client, session.id), undefined);
  const past = { records, contract: calls.opened.contract, calls };
  const same = whatIf(past, rulesWith(calls, {}, {}));
  expect(same).toMatchObject({ differences: [], wouldBe: { reason: 'max_tool_calls', toolCalls: 3 } });
  const fewer = whatIf(past, rulesWith(calls, { limits: { maxToolCalls: 2 } }, {}));
  expect(fewer.differences[0]).toMatchObject({ name: 'pay', wouldBe: { what: 'killed', reason: 'max_tool_calls' } });
  // As whom it acts is what it began as.
  expect(new Set(records.map(({ agent_identity }) => agent_identity))).toEqual(new Set(['bot/v1']));
});

test('the same contract again is no change, and the same id twice is one migration', async () => {
  const session = await stack.start({ input: 'look', conversation: true });
  const sha256 = await payingInstead();
  expect(await session.migrate({ id: 'm1', sha256, ...BY })).toMatchObject({ changed: true });
  expect(await session.migrate({ id: 'm2', sha256, ...BY })).toMatchObject({ changed: false });
  expect(await session.migrate({ id: 'm3', sha256: begun.sha256, ...BY })).toMatchObject({ changed: true });
  expect(await session.migrate({ id: 'm1', sha256, ...BY })).toMatchObject({
    changed: false,
    contractSha256: begun.sha256,
  });
  await session.end();
  await session.result();
  expect(of(await stack.records(session.id), 'contract_migrated')).toHaveLength(2);
});

test('what the start had lowered stays lowered, and what was topped up counts no more', async () => {
  const session = await stack.start({ input: 'look', conversation: true, limits: { usd: 0.5 } });
  const sha256 = await kept(() => ({ limits: grantFromFile({ usd: 3, tokens: 70_000 }) }));
  expect(await session.migrate({ sha256, ...BY })).toMatchObject({ limits: { usd: 0.5, tokens: 70_000 } });
  await session.end();
  await session.result();
});

test('a limit below what was spent refuses what comes next, and a shorter wall clock ends it', async () => {
  const session = await stack.start({ input: 'look', conversation: true });
  await session.send('look');
  await session.migrate({ sha256: await kept(() => ({ limits: grantFromFile({ maxToolCalls: 1 }) })), ...BY });
  expect(await session.send('look')).toMatchObject({ outcome: 'killed' });
  expect(await session.result()).toMatchObject({ reason: 'max_tool_calls', budget: { tool_calls: 2 } });
  const late = await stack.start({ input: 'look', conversation: true });
  await late.send('look');
  await late.migrate({ sha256: await kept(() => ({ limits: grantFromFile({ wallSeconds: 0.001 }) })), ...BY });
  expect(await late.result()).toMatchObject({ outcome: 'killed', reason: 'wall_seconds' });
});

test('it waits for what runs, an approval too, and is done before the next step', async () => {
  const session = await stack.start({ agent: 'paying', input: 'pay', conversation: true });
  await expect.poll(async () => (await session.view().catch(() => null))?.approvals.length).toBe(1);
  const [waiting] = (await session.view()).approvals;
  const other = await stack.store.putContract(
    canonicalJson({ ...contractOf('paying'), instructions: 'Be brief.', tools: {} }),
  );
  const migrated = session.migrate({ sha256: other, ...BY });
  await expect.poll(() => accepted(session)).toBe(true);
  // The signal of the same name is a second one, which is no change by then.
  await session.migrate({ sha256: other, ...BY }, { wait: false });
  expect((await session.view()).contractSha256).not.toBe(other);
  await session.decide({
    request: waiting?.request ?? '',
    digest: waiting?.digest ?? '',
    decision: 'approve',
    by: 'boss',
  });
  expect(await migrated).toMatchObject({ changed: true });
  expect(await answerTo(session, 'pay')).toMatch(/not_registered/);
  await session.end();
  await session.result();
  const events = (await stack.records(session.id)).map(({ event }) => event);
  expect(events.indexOf('contract_migrated')).toBeGreaterThan(events.indexOf('tool_call'));
  expect(events.filter((event) => event === 'contract_migrated')).toHaveLength(1);
});

test('a paused session is migrated, and goes on under the new contract', async () => {
  const session = await stack.start({ input: 'look', conversation: true });
  await session.send('look');
  await session.pause({ by: 'boss' });
  const reply = session.send('look');
  await expect.poll(async () => (await session.view()).doing).toMatch(/^paused/);
  expect(await session.migrate({ sha256: await payingInstead(), ...BY })).toMatchObject({ changed: true });
  await session.resume({ by: 'boss' });
  expect((await reply).answer).toMatch(/not_registered/);
  await session.end();
  await session.result();
});

test('another model counts what was said before in another way: its bytes are reserved', async () => {
  const session = await stack.start({ input: 'look', conversation: true });
  for (let turn = 0; turn < 3; turn++) await session.send('read');
  const before = of(await stack.records(session.id), 'llm_admitted').at(-1)?.seq ?? 0;
  const { model } = begun.contract;
  const other = await kept(() => ({ model: { ...model, name: 'gpt-5.4-nano' }, limits: grantFromFile({ usd: 1 }) }));
  await session.migrate({ sha256: other, ...BY });
  await session.send('look');
  await session.end();
  await session.result();
  const after = of(await stack.records(session.id), 'llm_admitted').find(({ seq }) => seq > before);
  expect(after?.payload.model).toBe('openai/gpt-5.4-nano');
  // Each text was said by the tool, and said again by the model.
  expect(after?.payload.input_bound_tokens).toBeGreaterThan(6 * 'word '.repeat(1000).length);
});

describe('a migration that may not be is refused, and harms nothing', () => {
  const hex = 'a'.repeat(64);
  test.each<[string, unknown, RegExp]>([
    ['by nobody', { sha256: hex }, /by must say who/],
    ['to nothing', { by: 'boss' }, /sha256 must name a contract/],
    ['to no hash', { sha256: hex.slice(1), by: 'boss' }, /64 hex digits/],
    ['with a contract inside', { sha256: hex, by: 'boss', contract: {} }, /not known/],
    ['with a reason that is no text', { sha256: hex, by: 'boss', reason: 5 }, /reason must be text/],
    ['with an empty id', { id: '', sha256: hex, by: 'boss' }, /id must be text/],
    ['with an endless authorization', { sha256: hex, by: 'boss', authorization: 'x'.repeat(20_000) }, /16384/],
    ['that is text', hex, /one JSON object/],
    ['to what nobody knows', { sha256: hex, by: 'boss' }, /the contract aaaaaaaaaaaa… is not in the store/],
  ])('%s', async (_what, input, says) => {
    const session = await stack.start({ input: 'look', conversation: true });
    const refused = await session.handle.executeUpdate(MIGRATE, { args: [input] }).then(
      () => null,
      (thrown: unknown) => thrown,
    );
    expect((refused as { cause?: Error }).cause?.message).toMatch(says);
    await session.handle.signal(MIGRATE, input);
    expect(await answerTo(session, 'look')).toBe('seen');
    await session.end();
    await session.result();
    expect(of(await stack.records(session.id), 'contract_migrated')).toEqual([]);
  });

  test("to another agent's contract", async () => {
    const session = await stack.start({ input: 'look', conversation: true });
    const other = stack.worker.contracts.find(({ contract }) => contract.agent === 'other');
    const refused = session.migrate({ sha256: other?.sha256 ?? '', ...BY });
    await expect(refused).rejects.toMatchObject({ code: 'MIGRATION_REFUSED', message: /of the agent other/ });
    await session.end();
    await session.result();
  });

  test('to a contract of another form, or of a model that the worker can not reach', async () => {
    const session = await stack.start({ input: 'look', conversation: true });
    const formed = await kept(() => ({ format: 99 as 1 }));
    await expect(session.migrate({ sha256: formed, ...BY })).rejects.toMatchObject({ message: /form/ });
    const lost = await kept(({ model }) => ({ model: { ...model, provider: 'nowhere' } }));
    await expect(session.migrate({ sha256: lost, ...BY })).rejects.toMatchObject({ message: /nowhere/ });
    expect(await answerTo(session, 'look')).toBe('seen');
    await session.end();
    await session.result();
  });

  test('of a session that has ended', async () => {
    const session = await stack.start({ input: 'look' });
    await session.result();
    const late = session.migrate({ sha256: begun.sha256, ...BY });
    await expect(late).rejects.toMatchObject({ code: 'MIGRATION_REFUSED' });
  });

  test('of one that is ended while it waits', async () => {
    const session = await stack.start({ agent: 'paying', input: 'pay' });
    await expect.poll(async () => (await session.view().catch(() => null))?.approvals.length).toBe(1);
    const waiting = session.migrate({ sha256: begun.sha256, ...BY });
    const refused = expect(waiting).rejects.toMatchObject({ code: 'MIGRATION_REFUSED' });
    await expect.poll(() => accepted(session)).toBe(true);
    await session.cancel();
    await refused;
    expect(await session.result()).toMatchObject({ outcome: 'cancelled' });
  });
});

/** Whether the migration is in the session's history. */
async function accepted(session: Session): Promise<boolean> {
  const { events } = await session.handle.fetchHistory();
  return (events ?? []).some(({ workflowExecutionUpdateAcceptedEventAttributes: update }) => update);
}

function contractOf(agent: string): Contract {
  const found = stack.worker.contracts.find(({ contract }) => contract.agent === agent);
  if (!found) throw new Error(`no agent ${agent}`);
  return found.contract;
}
