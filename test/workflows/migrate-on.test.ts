import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Session } from '../../src/client.ts';
import { costCheck } from '../../src/audit/cost-check.ts';
import { contractFacts } from '../../src/audit/contract-facts.ts';
import { verifyLog } from '../../src/audit/verify.ts';
import { canonicalJson } from '../../src/core/canonical.ts';
import { lineOf } from '../../src/core/chain.ts';
import type { Contract } from '../../src/core/contract.ts';
import { grantFromFile } from '../../src/core/limits.ts';
import type { ChainedRecord, EventName } from '../../src/core/record.ts';
import type { Turn } from '../../src/model-endpoint/index.ts';
import { type Authorization, signAuthorization } from '../../src/signing/authorization.ts';
import { generateSkey, parseSkey } from '../../src/signing/key.ts';
import { startContinuingStack } from '../harness/continuing-stack.ts';
import { botConfig, type Stack, toolsModule } from '../harness/stack.ts';

/** Migrations of sessions that are continued, reset, and must be signed for. */
const TOOLS = toolsModule(`
export const look = defineTool({ description: 'Looks.', input: z.object({}), execute: () => 'seen' });`);
/** Above what the sessions need that are reset within their first run. */
const SUGGESTED_AT = 120;
const key = parseSkey(generateSkey('contracts.example.com'));

let stack: Stack;
let contract: Contract;
let sha256: string;
beforeAll(async () => {
  stack = await startContinuingStack(SUGGESTED_AT, {
    files: { 'tools.ts': TOOLS },
    script: (turn: Turn) => {
      const [result] = turn.lastToolResults;
      return result ? { say: result.text } : { call: [{ tool: 'look', args: {} }] };
    },
    config: botConfig(
      { tools: { look: { module: './tools.ts' } }, limits: { usd: 1, wallSeconds: 600 }, loops: { maxRepeats: 0 } },
      { trustedContractKeys: [key.verifier.vkey] },
    ),
  });
  const [pinned] = stack.worker.contracts;
  if (!pinned) throw new Error('no contract');
  ({ contract, sha256 } = pinned);
});
afterAll(() => stack.close());

function signed(contract_sha256: string, change: Partial<Authorization> = {}): string {
  const free = { user: null, session_id: null, limits: null, not_after: null };
  return signAuthorization({ v: 1, agent_identity: 'bot/v1', contract_sha256, ...free, ...change }, key);
}

const start = (): Promise<Session> =>
  stack.start({ input: 'hello', conversation: true, authorization: signed(sha256) });
const kept = (change: Partial<Contract>): Promise<string> =>
  stack.store.putContract(canonicalJson({ ...contract, ...change }));
const withoutTools = (): Promise<string> => kept({ version: 'v2', tools: {}, limits: grantFromFile({ usd: 5 }) });
/** The authorization of a contract of version v2. */
const signedV2 = (other: string, change: Partial<Authorization> = {}): string =>
  signed(other, { agent_identity: 'bot/v2', ...change });
const answer = async (session: Session): Promise<string | null> => (await session.send('go on')).answer;
const count = (records: readonly ChainedRecord[], event: EventName): number =>
  records.filter((record) => record.event === event).length;

/** Resets the current run to one of its completed workflow tasks, counted from 0. */
async function reset(session: Session, task: number): Promise<void> {
  const { events } = await session.handle.fetchHistory();
  const tasks = (events ?? []).filter(({ workflowTaskCompletedEventAttributes: completed }) => completed);
  await stack.client.workflowService.resetWorkflowExecution({
    namespace: 'default',
    workflowExecution: { workflowId: session.id },
    reason: 'an operator tries again',
    workflowTaskFinishEventId: tasks.at(task)?.eventId ?? null,
    requestId: randomUUID(),
  });
}

/** The costs of a log, by the contracts that it names. */
async function checkCosts(
  records: readonly ChainedRecord[],
): Promise<{ readonly ok: boolean; readonly checked: number }> {
  const contracts = new Map<string, ReturnType<typeof contractFacts>>();
  for (const record of records) {
    const { payload } = record;
    const named =
      'to_sha256' in payload ? payload.to_sha256 : 'contract_sha256' in payload ? payload.contract_sha256 : '';
    const json = named === '' ? null : await stack.store.getContract(named);
    if (json) contracts.set(named, contractFacts(Buffer.from(json)));
  }
  let checked = 0;
  const contractOf = (sha: string) => {
    const facts = contracts.get(sha);
    return facts && !('why' in facts) ? facts : null;
  };
  const check = costCheck('s', { contractOf, onMissing: () => expect.unreachable(), onChecked: () => (checked += 1) });
  const verified = await verifyLog(records.map(lineOf), { checkRecord: () => check });
  return { ok: verified.ok, checked };
}

test('a session that goes on in another run, and is reset there, stays under its new contract', async () => {
  const session = await start();
  expect(await answer(session)).toBe('seen');
  const other = await kept({
    version: 'v2',
    tools: {},
    limits: grantFromFile({ usd: 5 }),
    model: dearer(contract.model),
  });
  const migrated = await session.migrate({ sha256: other, by: 'boss', authorization: signedV2(other) });
  expect(migrated).toMatchObject({ changed: true, limits: { usd: 5 } });
  for (let turn = 0; turn < 16; turn++) expect(await answer(session)).toMatch(/not_registered/);
  const records = await stack.records(session.id);
  expect(count(records, 'session_continued')).toBeGreaterThanOrEqual(2);
  await reset(session, 1);
  expect(await answer(session)).toMatch(/not_registered/);
  expect((await session.view()).contractSha256).toBe(other);
  await session.end();
  await session.result();
  const all = await stack.records(session.id);
  expect(count(all, 'session_reset')).toBe(1);
  expect(count(all, 'contract_migrated')).toBe(1);
  const costs = await checkCosts(all);
  expect(costs).toMatchObject({ ok: true });
  expect(costs.checked).toBeGreaterThan(15);
});

/** The same model at ten times its price. */
function dearer(model: Contract['model']): Contract['model'] {
  const { price } = model;
  if (!price) throw new Error('no price');
  const tiers = price.tiers.map((tier) => ({ ...tier, inputPicoUsd: tier.inputPicoUsd * 10 }));
  return { ...model, price: { ...price, tiers } };
}

test.each([
  ['before the migration', 3],
  ['before its first record', 0],
])('a session that is reset to %s is held to what its log says', async (_what, task) => {
  const session = await start();
  await answer(session);
  const other = await withoutTools();
  await session.migrate({ sha256: other, by: 'boss', authorization: signedV2(other) });
  expect(await answer(session)).toMatch(/not_registered/);
  await reset(session, task);
  expect(await answer(session)).toMatch(/not_registered/);
  expect((await session.view()).contractSha256).toBe(other);
  await session.end();
  await session.result();
  const records = await stack.records(session.id);
  expect(count(records, 'contract_migrated')).toBe(1);
  expect(count(records, 'session_reset')).toBe(1);
});

test('a contract that nobody who is trusted signed is refused', async () => {
  const session = await start();
  const other = await withoutTools();
  const by = 'boss';
  const refused = async (authorization: string | undefined, says: RegExp): Promise<void> => {
    const asked = session.migrate({ sha256: other, by, ...(authorization === undefined ? {} : { authorization }) });
    await expect(asked).rejects.toMatchObject({ code: 'MIGRATION_REFUSED', message: says });
  };
  await refused(undefined, /without an authorization/);
  await refused(signed(sha256), /it is for bot\/v1/);
  await refused(signedV2(sha256), /sign it again/);
  await refused(signedV2(other, { user: 'bob@acme.com' }), /another user/);
  await refused(signedV2(other, { not_after: '2020-01-01T00:00:00.000Z' }), /expired/);
  const stranger = parseSkey(generateSkey('contracts.example.com'));
  const free = { user: null, session_id: null, limits: null, not_after: null };
  const forged = { v: 1, agent_identity: 'bot/v2', contract_sha256: other, ...free } as const;
  await refused(signAuthorization(forged, stranger), /none of the trusted keys/);
  expect(await answer(session)).toBe('seen');
  const note = signedV2(other, { limits: { usd: 0.75 } });
  expect(await session.migrate({ sha256: other, by, authorization: note })).toMatchObject({ limits: { usd: 0.75 } });
  await session.end();
  await session.result();
});

test('who asks for a migration while the session goes on in another run is answered', async () => {
  const session = await start();
  const contracts = [await kept({ maxParallelCalls: 3 }), await kept({ maxParallelCalls: 4 })];
  const talk = async (): Promise<void> => {
    for (let turn = 0; turn < 15; turn++) expect(await answer(session)).toBe('seen');
  };
  const move = async (): Promise<void> => {
    for (let turn = 0; turn < 40; turn++) {
      const other = contracts[turn % 2] ?? '';
      const moved = session.migrate({ sha256: other, by: 'boss', authorization: signed(other) });
      expect(await moved).toMatchObject({ changed: true, contractSha256: other });
    }
  };
  await Promise.all([talk(), move()]);
  await session.end();
  await session.result();
  const records = await stack.records(session.id);
  expect(count(records, 'contract_migrated')).toBe(40);
  expect(count(records, 'session_continued')).toBeGreaterThanOrEqual(4);
}, 60_000);
