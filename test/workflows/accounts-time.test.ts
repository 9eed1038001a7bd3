import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import type { Session } from '../../src/client.ts';
import { accountsThrough } from '../../src/client/bank.ts';
import { LEASE_MS } from '../../src/core/account-book.ts';
import type { AccountView } from '../../src/core/account-view.ts';
import type { LeaseAnswer } from '../../src/core/account-input.ts';
import { canonicalJson } from '../../src/core/canonical.ts';
import { NOTHING } from '../../src/core/ledger.ts';
import { quietRuntime } from '../harness/quiet.ts';
import { type Stack, startStack } from '../harness/stack.ts';
import { brokenTable } from '../activities/kit.ts';

/** On a server whose clock is moved by hand. */
let skipping: Stack;
let server: TestWorkflowEnvironment;

beforeAll(async () => {
  quietRuntime();
  server = await TestWorkflowEnvironment.createTimeSkipping({
    server: { executable: { type: 'existing-path', path: inject('timeSkippingBinary') } },
  });
  const bot = { model: 'openai/gpt-5.4-mini', limits: { tokens: 100_000, wallSeconds: 3 * 86_400 } };
  skipping = await startStack({
    config: { agents: { bot, easy: { ...bot, audit: 'best_effort' } } },
    script: () => ({ say: 'Done.' }),
    address: server.address,
  });
});
afterAll(async () => {
  await skipping.close();
  await server.teardown();
});

/** Ends it from outside, between its activities: this server's clock stands still while one may run, of an ended workflow too. */
async function terminated(session: Session): Promise<void> {
  await expect.poll(async () => (await session.handle.describe()).raw.pendingActivities ?? []).toEqual([]);
  await session.handle.terminate();
}

const tokens = (count: number) => ({ ...NOTHING, tokens: count });
const bank = () => accountsThrough(skipping.client);
const lease = (account: string, session: string, want: number): Promise<LeaseAnswer> =>
  bank().lease(account, {
    session,
    n: 1,
    held: NOTHING,
    used: NOTHING,
    want: tokens(want),
    least: tokens(1),
    most: tokens(want),
  });
const settle = (account: string, session: string, used: number): Promise<void> =>
  bank().settle(account, { session, n: 1, used: tokens(used) });
const show = (account: string): Promise<AccountView> => skipping.aegrail.accounts.show(account);

test('a session that was terminated gives back what it did not use, when its lease expires', async () => {
  await skipping.aegrail.accounts.set('total', { tokens: 30_000, per: 'total', by: 'boss' });
  const session = await skipping.start({ input: 'hello', conversation: true, account: 'total' });
  await expect.poll(async () => (await skipping.records(session.id)).at(-1)?.event).toBe('turn_answered');
  const held = await show('total');
  expect(held).toMatchObject({ leased: { tokens: 25_000 }, posted: NOTHING });
  // It runs: it keeps its lease, and the account learns what it used.
  await server.sleep(LEASE_MS + 1_000);
  await expect.poll(async () => (await show('total')).posted.tokens).toBeGreaterThan(0);
  const { posted, leased } = await show('total');
  expect(posted.tokens + leased.tokens).toBe(25_000);
  await terminated(session);
  await server.sleep(2 * LEASE_MS);
  await expect.poll(async () => (await show('total')).holderCount).toBe(0);
  const used = (await skipping.records(session.id)).at(-1)?.budget.tokens_used;
  expect(await show('total')).toMatchObject({ leased: NOTHING, posted: { tokens: used } });
});

test('a session that never was has used nothing', async () => {
  await skipping.aegrail.accounts.set('absent', { tokens: 100, per: 'total', by: 'boss' });
  await lease('absent', 'never-was', 100);
  await server.sleep(LEASE_MS + 1_000);
  await expect.poll(() => show('absent')).toMatchObject({ leased: NOTHING, posted: NOTHING, holderCount: 0 });
});

test.each([
  { audit: 'best_effort', agent: 'easy', used: 'all that it held', counted: 25_000, waits: /what is said next/ },
  { audit: 'required', agent: 'bot', used: 'nothing', counted: 0, waits: /before the next try of the model/ },
])('a dead session without a log, with audit $audit, has used $used', async ({ agent, counted, waits }) => {
  const account = `unlogged-${agent}`;
  await skipping.aegrail.accounts.set(account, { tokens: 30_000, per: 'total', by: 'boss' });
  const database = new DatabaseSync(join(skipping.dir, 'store.db'));
  database.exec(`PRAGMA busy_timeout = 5000; ${brokenTable('records', account)}`);
  database.close();
  const start = { agent, user: 'ann', input: 'hello', session: account, conversation: true, account };
  const session = await skipping.aegrail.start(start);
  await expect.poll(async () => (await session.view()).doing).toMatch(waits);
  await terminated(session);
  await server.sleep(2 * LEASE_MS);
  await expect.poll(async () => (await show(account)).holderCount).toBe(0);
  expect(await skipping.records(account)).toEqual([]);
  expect(await show(account)).toMatchObject({ leased: NOTHING, posted: { tokens: counted } });
});

test('a new day forgets what was spent, and keeps what is leased', async () => {
  const given = { tokens: 100, per: 'day', timeZone: 'Europe/Berlin', by: 'boss' } as const;
  const { window } = await skipping.aegrail.accounts.set('daily', given);
  const nowMs = await server.currentTimeMs();
  expect(Date.parse(window.from)).toBeLessThanOrEqual(nowMs);
  const session = await skipping.start({ input: 'hello', conversation: true });
  await lease('daily', 'spends', 60);
  await lease('daily', session.id, 30);
  await settle('daily', 'spends', 60);
  expect((await lease('daily', 'late', 50)).granted).toEqual(tokens(10));
  await settle('daily', 'late', 10);
  await server.sleep(Date.parse(window.to ?? '') - nowMs + 1_000);
  await expect.poll(async () => (await show('daily')).window.from).toBe(window.to);
  const view = await show('daily');
  // It was looked at meanwhile: what it used was yesterday.
  const [{ used, holds } = { used: tokens(0), holds: tokens(0) }] = view.holders;
  expect(used.tokens + holds.tokens).toBe(30);
  expect(view).toMatchObject({ posted: NOTHING, leased: holds, holderCount: 1 });
  expect((await lease('daily', 'next', 100)).granted).toEqual(tokens(100 - holds.tokens));
  await session.end();
  await session.result();
});

test('another kind of window counts what was spent in this one, until it ends', async () => {
  await skipping.aegrail.accounts.set('changed', { tokens: 100, per: 'total', by: 'boss' });
  await lease('changed', 's', 80);
  await settle('changed', 's', 80);
  const view = await skipping.aegrail.accounts.set('changed', { tokens: 50, per: 'hour', by: 'eve', reason: 'less' });
  expect(view).toMatchObject({ posted: { tokens: 80 }, per: 'hour', setBy: 'eve', setReason: 'less' });
  expect(await lease('changed', 't', 10)).toMatchObject({
    granted: null,
    why: expect.stringMatching(/0 tokens left of 50 tokens an hour/) as string,
  });
  await server.sleep(3_601_000);
  await expect.poll(async () => (await lease('changed', 't', 10)).granted).toEqual(tokens(10));
});

test('a session that was moved to audit best_effort and is dead has used all that it held', async () => {
  await skipping.aegrail.accounts.set('moved', { tokens: 30_000, per: 'total', by: 'boss' });
  const session = await skipping.start({ input: 'hello', conversation: true, account: 'moved' });
  await expect.poll(async () => (await skipping.records(session.id)).at(-1)?.event).toBe('turn_answered');
  const [pinned] = skipping.worker.contracts;
  const sha256 = await skipping.store.putContract(canonicalJson({ ...pinned?.contract, audit: 'best_effort' }));
  expect(await session.migrate({ sha256, by: 'boss' })).toMatchObject({ changed: true });
  await terminated(session);
  await server.sleep(2 * LEASE_MS);
  await expect.poll(async () => (await show('moved')).holderCount).toBe(0);
  expect(await show('moved')).toMatchObject({ leased: NOTHING, posted: { tokens: 25_000 } });
});
