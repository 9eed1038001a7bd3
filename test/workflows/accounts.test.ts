import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Session } from '../../src/client.ts';
import type { AccountSetInput } from '../../src/core/account-input.ts';
import { canonicalJson } from '../../src/core/canonical.ts';
import { NOTHING } from '../../src/core/ledger.ts';
import type { ChainedRecord, Events } from '../../src/core/record.ts';
import type { Turn } from '../../src/model-endpoint/index.ts';
import { ACCOUNT_LEASE, ACCOUNT_SET, ACCOUNT_SETTLE } from '../../src/protocol.ts';
import { aegrail } from '../cli/kit.ts';
import { botConfig, type Stack, startStack, toolsModule } from '../harness/stack.ts';

const TOOLS = toolsModule(`
export const look = defineTool({ description: 'Looks.', input: z.object({}), execute: () => 'seen' });`);

let stack: Stack;
let made = 0;
beforeAll(async () => {
  const { agents } = botConfig({
    tools: { look: { module: './tools.ts' } },
    limits: { usd: 1, maxToolCalls: 8 },
    loops: { maxRepeats: 0 },
  });
  const bot = agents['bot']!;
  stack = await startStack({
    files: { 'tools.ts': TOOLS },
    script: (turn: Turn) => {
      const [what, count = '1'] = turn.messages[0]?.text.split(' ') ?? [];
      const seen = turn.messages.flatMap(({ toolResults }) => toolResults).length;
      if (what === 'together' && seen === 0)
        return { call: Array.from({ length: Number(count) }, () => ({ tool: 'look', args: {} })) };
      return what === 'look' && seen < Number(count) ? { call: [{ tool: 'look', args: {} }] } : { say: 'Done.' };
    },
    config: { agents: { bot, own: { ...bot, accounts: ['user/{user}', 'agent/{agent}'] } } },
  });
});
afterAll(() => stack.close());

const newName = (): string => `tenant/${stack.taskQueue}/${(made += 1)}`;
async function newAccount(given: Partial<AccountSetInput>): Promise<string> {
  const name = newName();
  await stack.aegrail.accounts.set(name, { per: 'total', by: 'boss', ...given });
  return name;
}
const settled = (name: string) =>
  expect.poll(async () => (await stack.aegrail.accounts.show(name)).holderCount).toBe(0);
const payloads = async <E extends keyof Events>({ id }: Session, event: E): Promise<Events[E][]> =>
  (await stack.records(id)).flatMap((record: ChainedRecord) =>
    record.event === event ? [record.payload as Events[E]] : [],
  );

describe('a session on an account', () => {
  test('leases a share when it begins, more when it needs more, and settles when it ends', async () => {
    const account = await newAccount({ toolCalls: 100 });
    const session = await stack.start({ input: 'look 5', account });
    expect(await session.result()).toMatchObject({ outcome: 'answered', budget: { tool_calls: 5 } });
    const leased = await payloads(session, 'account_leased');
    expect(leased.map(({ account: name, n, amounts }) => [name, n, amounts.tool_calls])).toEqual([
      [account, 1, 2],
      [account, 2, 2],
      [account, 3, 2],
    ]);
    await settled(account);
    const view = await stack.aegrail.accounts.show(account);
    expect(view).toMatchObject({ posted: { toolCalls: 5 }, leased: NOTHING, holders: [] });
    expect(view.posted.usdNano).toBeGreaterThan(0);
  });

  test('is on all accounts of its contract', async () => {
    const accounts = ['user/ann@own.com', 'agent/own'];
    for (const name of accounts)
      await stack.aegrail.accounts.set(name, { usd: 1, toolCalls: 50, per: 'day', by: 'boss' });
    const session = await stack.start({ agent: 'own', user: 'ann@own.com', input: 'together 3' });
    expect(await session.result()).toMatchObject({ outcome: 'answered', budget: { tool_calls: 3 } });
    const leased = await payloads(session, 'account_leased');
    expect(leased.map(({ account, n }) => `${account} ${n}`)).toEqual(
      expect.arrayContaining(['user/ann@own.com 1', 'agent/own 1', 'user/ann@own.com 2', 'agent/own 2']),
    );
    for (const name of accounts) {
      await settled(name);
      expect(await stack.aegrail.accounts.show(name)).toMatchObject({ posted: { toolCalls: 3 } });
    }
  });

  test('that has not enough ends, and is told which account and until when', async () => {
    const account = await newAccount({ toolCalls: 3, per: 'day' });
    const session = await stack.start({ input: 'look 5', account });
    const result = await session.result();
    expect(result).toMatchObject({ outcome: 'killed', reason: 'account_limit', budget: { tool_calls: 3 } });
    expect(result.why).toMatch(
      new RegExp(`The account ${account} has 0 tool calls left of 3 tool calls a day \\(until 20`),
    );
    expect(await payloads(session, 'budget_exceeded')).toMatchObject([{ reason: 'account_limit', asi: 'ASI02' }]);
    await settled(account);
    expect(await stack.aegrail.accounts.show(account)).toMatchObject({ posted: { toolCalls: 3 } });
  });

  test('that has money for a shorter answer only gets that, and one below the useful minimum none', async () => {
    const account = await newAccount({ tokens: 900 });
    const capped = await stack.start({ input: 'hello', account });
    expect(await capped.result()).toMatchObject({ outcome: 'answered' });
    const [admitted] = await payloads(capped, 'llm_admitted');
    expect(admitted?.reserved.tokens).toBe(900);
    await settled(account);
    await stack.aegrail.accounts.set(account, { tokens: 10, per: 'total', by: 'boss' });
    const refused = await stack.start({ input: 'hello', account });
    const { reason, why } = await refused.result();
    expect([reason, why]).toEqual(['account_limit', expect.stringContaining(account)]);
    expect(await payloads(refused, 'llm_admitted')).toEqual([]);
  });

  test('that asks for many calls at once on an account with too few is refused once', async () => {
    const account = await newAccount({ toolCalls: 3 });
    const session = await stack.start({ input: 'together 6', account });
    expect(await session.result()).toMatchObject({ reason: 'account_limit' });
    expect((await payloads(session, 'tool_admitted')).length).toBeLessThanOrEqual(3);
    await settled(account);
  });

  test.each([
    ['is not there', 'nobody/has/it', 'ACCOUNT_UNKNOWN'],
    ['has no name', ' ', 'INPUT_INVALID'],
  ])('that %s does not start', async (_what, account, code) => {
    await expect(stack.start({ account }).then((session) => session.result())).rejects.toMatchObject({ code });
  });

  test('one of whose accounts is not there gives the others back what they leased', async () => {
    await stack.aegrail.accounts.set('user/eve', { usd: 1, per: 'day', by: 'boss' });
    await stack.client.workflow
      .getHandle('account:agent/own')
      .terminate()
      .catch(() => {});
    const session = await stack.start({ agent: 'own', user: 'eve' });
    await expect(session.result()).rejects.toMatchObject({
      code: 'ACCOUNT_UNKNOWN',
      message: expect.stringMatching(/aegrail accounts set agent\/own .* --by/) as string,
    });
    await settled('user/eve');
  });
});

test('sessions side by side on a small account never spend more than it has', async () => {
  const account = await newAccount({ toolCalls: 7 });
  const sessions = await Promise.all([1, 2, 3, 4].map(() => stack.start({ input: 'look 4', account })));
  const results = await Promise.all(sessions.map((session) => session.result()));
  const used = results.reduce((sum, { budget }) => sum + budget.tool_calls, 0);
  expect(used).toBeLessThanOrEqual(7);
  expect(results.some(({ reason }) => reason === 'account_limit')).toBe(true);
  await settled(account);
  expect(await stack.aegrail.accounts.show(account)).toMatchObject({ posted: { toolCalls: used } });
});

test('a session that had settled, and was reset, leases anew: nothing is spent twice, and nothing is forgotten', async () => {
  const account = await newAccount({ toolCalls: 9 });
  const session = await stack.start({ input: 'look 5', account });
  await session.result();
  await settled(account);
  const { events } = await session.handle.fetchHistory();
  const tasks = (events ?? []).filter(({ workflowTaskCompletedEventAttributes: completed }) => completed);
  await stack.client.workflowService.resetWorkflowExecution({
    namespace: 'default',
    workflowExecution: { workflowId: session.id },
    reason: 'an operator tries again',
    workflowTaskFinishEventId: tasks.at(2)?.eventId ?? null,
    requestId: randomUUID(),
  });
  // It has called five times, and goes on from the first of them: eight is its own limit.
  expect(await session.result()).toMatchObject({
    outcome: 'killed',
    reason: 'max_tool_calls',
    budget: { tool_calls: 8 },
  });
  await settled(account);
  expect(await stack.aegrail.accounts.show(account)).toMatchObject({ posted: { toolCalls: 8 }, leased: NOTHING });
  const again = (await stack.records(session.id)).slice(-20).filter(({ event }) => event === 'account_leased');
  expect(again.length).toBeGreaterThan(0);
});

describe('what an account is sent', () => {
  const isAsk = (input: unknown): boolean => typeof input === 'object' && input !== null && 'session' in input;
  const ask = { session: 's', n: 1, held: NOTHING, used: NOTHING, want: NOTHING, least: NOTHING, most: NOTHING };
  test.each([
    ['lease', 'text', 'more', /one JSON object/],
    ['lease', 'nobody', { asks: [] }, /1 to 200/],
    ['lease', 'too many', { asks: Array.from({ length: 201 }, () => ask) }, /1 to 200/],
    ['lease', 'n of nothing', { ...ask, n: 0 }, /n must be/],
    ['lease', 'a negative amount', { ...ask, want: { ...NOTHING, tokens: -1 } }, /want must have/],
    ['lease', 'a fraction', { ...ask, used: { ...NOTHING, tokens: 0.5 } }, /used must have/],
    ['lease', 'something unknown', { ...ask, all: true }, /not known/],
    ['lease', 'three megabytes', { ...ask, session: 'x'.repeat(1_500_000) }, /id of a session/],
    ['set', 'no limit', { per: 'day', by: 'boss' }, /at least one/],
    ['set', 'a week', { per: 'week', by: 'boss', usd: 1 }, /hour, day, month, total/],
    ['set', 'nobody', { per: 'day', usd: 1 }, /by must say who/],
    ['set', 'a negative limit', { per: 'day', by: 'boss', usd: -1 }, /usd must be/],
    ['set', 'more than can be counted', { per: 'day', by: 'boss', usd: 1e9 }, /from 0 to 9007199/],
    ['set', 'an odd time zone', { per: 'day', by: 'boss', usd: 1, timeZone: '../etc' }, /IANA/],
    ['set', 'a time zone that is none', { per: 'day', by: 'boss', usd: 1, timeZone: 'Mars/Olympus' }, /no time zone/],
  ])('%s with %s is refused', async (update, _what, input, says) => {
    const account = await newAccount({ usd: 1, per: 'day' });
    const handle = stack.client.workflow.getHandle(`account:${account}`);
    const refused = await handle
      .executeUpdate(update === 'set' ? ACCOUNT_SET : ACCOUNT_LEASE, {
        args: [update === 'set' || !isAsk(input) ? input : { asks: [ask, input] }],
      })
      .catch((thrown: unknown) => thrown);
    expect((refused as { cause?: Error }).cause?.message).toMatch(says);
    await handle.signal(ACCOUNT_SETTLE, input);
    expect(await stack.aegrail.accounts.show(account)).toMatchObject({ limits: { usdNano: 1e9 }, holders: [] });
  });

  test('a lease twice is one lease', async () => {
    const account = await newAccount({ tokens: 100 });
    const handle = stack.client.workflow.getHandle(`account:${account}`);
    const want = { ...ask, want: { ...NOTHING, tokens: 60 } };
    const answers = await Promise.all(
      [1, 2, 3].map(() => handle.executeUpdate(ACCOUNT_LEASE, { args: [{ asks: [want] }] })),
    );
    expect(answers).toEqual(
      Array.from({ length: 3 }, () => ({ answers: [{ granted: { ...NOTHING, tokens: 60 }, why: null }] })),
    );
    expect(await stack.aegrail.accounts.show(account)).toMatchObject({ leased: { tokens: 60 }, holderCount: 1 });
  });

  test('nothing is left of an account whose first limits were refused', async () => {
    const name = newName();
    const refused = stack.aegrail.accounts.set(name, { usd: 1, per: 'day', timeZone: 'Mars/Olympus', by: 'boss' });
    await expect(refused).rejects.toMatchObject({ code: 'INPUT_INVALID' });
    const handle = stack.client.workflow.getHandle(`account:${name}`);
    await handle.result();
  });
});

test('the command line sets, shows and lists', async () => {
  const account = newName();
  const accounts = (...args: string[]) =>
    aegrail(['accounts', ...args, '--task-queue', stack.taskQueue], { cwd: stack.dir });
  const set = await accounts(
    'set',
    account,
    '--usd',
    '5',
    '--per',
    'day',
    '--timezone',
    'Europe/Berlin',
    '--by',
    'bob',
  );
  expect(set).toMatchObject({ code: 0, out: expect.stringContaining(`${account}: 5.00 USD per day`) as string });
  const session = await stack.start({ input: 'hello', conversation: true, account });
  await session.send('hello');
  const shown = await accounts('show', account);
  expect(shown.out).toMatch(new RegExp(`leased  0.25 USD to 1 session\n[^]*looked at next\n${session.id} +0.25 USD`));
  const log = await aegrail(['show', session.id], { cwd: stack.dir });
  expect(log.out).toMatch(/ account_leased +\S+: 0.25 USD, 8 tool calls\n/);
  const json = JSON.parse((await accounts('show', account, '--json')).out) as { holders: unknown[] };
  expect(json.holders).toHaveLength(1);
  await expect.poll(async () => (await accounts('ls')).out).toContain(account);
  expect(await accounts('show', 'nobody/has/it')).toMatchObject({ code: 2, out: '' });
  expect(await accounts('set', account, '--per', 'day', '--by', 'bob')).toMatchObject({ out: '' });
  await session.end();
  await session.result();
});

test('a session that is moved to a contract with accounts is on those from then on, and pays nothing of before', async () => {
  const account = await newAccount({ tokens: 1_000_000 });
  const found = stack.worker.contracts.find(({ contract }) => contract.agent === 'bot');
  const sha256 = await stack.store.putContract(canonicalJson({ ...found?.contract, accounts: [account] }));
  const session = await stack.start({ input: 'look 2', conversation: true });
  await expect.poll(async () => (await session.view().catch(() => null))?.phase).toBe('idle');
  const before = (await session.view()).budget.tokens_used;
  expect(await session.migrate({ sha256, by: 'boss', reason: 'it is to pay' })).toMatchObject({ changed: true });
  expect(await payloads(session, 'account_leased')).toMatchObject([{ account, n: 1, amounts: { tokens: 0 } }]);
  expect(await session.send('go on')).toMatchObject({ outcome: 'answered' });
  expect((await stack.aegrail.accounts.show(account)).leased.tokens).toBeGreaterThan(0);
  await session.end();
  const { budget } = await session.result();
  await settled(account);
  const { posted, leased } = await stack.aegrail.accounts.show(account);
  expect([posted.tokens, leased]).toEqual([budget.tokens_used - before, NOTHING]);
  expect(budget.tokens_used).toBeGreaterThan(before);
});
