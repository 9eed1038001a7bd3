import { describe, expect, test } from 'vitest';
import { createAuthority } from '../../activities/authority.ts';
import { createContractBook } from '../../activities/contracts.ts';
import { trustCheck } from '../../activities/trusted-session.ts';
import type { CheckedEnvelope } from '../../activities/envelope.ts';
import type { Contract } from '../../src/core/contract.ts';
import type { AuditRecord } from '../../src/core/record.ts';
import { signAuthorization } from '../../src/signing/authorization.ts';
import { generateSkey, parseSkey } from '../../src/signing/key.ts';
import { openStore } from '../../src/store/open.ts';
import { sampleSession } from '../suites/sample-session.ts';

const key = parseSkey(generateSkey('contracts.example.com'));
const sha256 = 'c'.repeat(64);
const contract = {
  agent: 'support-bot',
  version: 'v1',
  limits: { usdNano: null, tokens: null, wallMs: 3_600_000, toolCalls: null, recursionDepth: 9 },
} as unknown as Contract;

/** The first record of a session that somebody who is trusted signed, as it rides along. */
function firstOf(sessionId: string, startedMs: number, notAfter: string | null = null): AuditRecord {
  const [first] = sampleSession(sessionId, 0, false);
  if (first?.event !== 'session_started') throw new Error('no start');
  const authorization = signAuthorization(
    {
      v: 1,
      agent_identity: 'support-bot/v1',
      contract_sha256: sha256,
      user: null,
      session_id: null,
      limits: null,
      not_after: notAfter,
    },
    key,
  );
  const payload = { ...first.payload, contract_sha256: sha256, authorization };
  return { ...first, ts: new Date(startedMs).toISOString(), payload };
}

const envelope = (first: AuditRecord): CheckedEnvelope => ({
  call: { contractSha256: sha256 },
  permit: {} as CheckedEnvelope['permit'],
  records: [first],
});

async function check() {
  const store = await openStore('sqlite::memory:', '.');
  const trust = trustCheck(
    createAuthority([key.verifier.vkey]),
    store,
    createContractBook([{ contract, sha256 }], store),
  );
  return { store, trust };
}

test('a right beginning is trusted, and no other comes in its place before it is stored', async () => {
  const { store, trust } = await check();
  const right = firstOf('s', Date.now());
  expect(await trust('s', envelope(right))).toBeNull();
  const forged = { ...right, payload: { ...right.payload, authorization: null } } as AuditRecord;
  expect(await trust('s', envelope(forged))).toMatch(/no authorization/);
  await store.append('s', [right]);
  // What is stored counts, whatever rides along.
  expect(await trust('s', envelope(forged))).toBeNull();
  await store.close();
});

test('an authorization that has expired is not good for a beginning that says it was earlier', async () => {
  const { store, trust } = await check();
  const then = Date.parse('2020-01-01T00:00:00.000Z');
  expect(await trust('s', envelope(firstOf('s', then, '2020-06-01T00:00:00.000Z')))).toMatch(/not of this time/);
  expect(await trust('t', envelope(firstOf('t', Date.now() + 3_600_000)))).toMatch(/not of this time/);
  await store.close();
});

const OTHER = 'd'.repeat(64);
const other = { ...contract, version: 'v2' };

/** A migration to the second contract, signed or not, as it rides along. */
function migratedAt(ms: number, notAfter: string | null = null, identity = 'support-bot/v2'): AuditRecord {
  const first = firstOf('s', ms);
  const authorization = signAuthorization(
    {
      v: 1,
      agent_identity: identity,
      contract_sha256: OTHER,
      user: null,
      session_id: null,
      limits: null,
      not_after: notAfter,
    },
    key,
  );
  const { limits, model, tools } = first.payload as Extract<AuditRecord, { event: 'session_started' }>['payload'];
  const words = { by: 'boss', reason: null };
  return {
    ...first,
    seq: 1,
    event: 'contract_migrated',
    payload: { from_sha256: sha256, to_sha256: OTHER, limits, model, tools, ...words, authorization },
  };
}

describe('a session that was moved to another contract', () => {
  const call = (
    contractSha256: string,
    records: readonly AuditRecord[] = [],
    permit: CheckedEnvelope['permit'] = {} as CheckedEnvelope['permit'],
  ): CheckedEnvelope => ({ call: { contractSha256 }, permit, records });

  async function moved() {
    const store = await openStore('sqlite::memory:', '.');
    const book = createContractBook(
      [
        { contract, sha256 },
        { contract: { ...other, agent: 'support-bot' }, sha256: OTHER },
      ],
      store,
    );
    const newCheck = () => trustCheck(createAuthority([key.verifier.vkey]), store, book);
    await store.append('s', [firstOf('s', Date.now())]);
    return { store, trust: newCheck(), newCheck };
  }

  test('calls under the new one once its record rides along or is stored, and under the old one no more', async () => {
    const { store, trust, newCheck } = await moved();
    expect(await trust('s', call(sha256))).toBeNull();
    expect(await trust('s', call(OTHER))).toMatch(/another contract than its log names/);
    const record = migratedAt(Date.now());
    expect(await trust('s', call(OTHER, [record]))).toBeNull();
    expect(await trust('s', call(sha256, [record]))).toMatch(/another contract/);
    // What only stores may have been asked for before.
    expect(await trust('s', call(sha256, [record], null))).toBeNull();
    await store.append('s', [record]);
    expect(await trust('s', call(OTHER))).toBeNull();
    expect(await trust('s', call(sha256))).toMatch(/another contract/);
    // A worker that sees the session for the first time, and a run that was reset and only reads.
    expect(await newCheck()('s', call(sha256))).toMatch(/another contract/);
    expect(await newCheck()('s', call(sha256, [], null))).toBeNull();
    await store.close();
  });

  test.each<[string, () => AuditRecord, RegExp]>([
    ['that nobody signed', () => unsigned(migratedAt(Date.now())), /contract_migrated has no authorization/],
    [
      'that was signed for another version',
      () => migratedAt(Date.now(), null, 'support-bot/v1'),
      /it is for support-bot\/v1/,
    ],
    [
      'whose authorization expired, and which says it was earlier',
      () => migratedAt(Date.parse('2020-01-01T00:00:00.000Z'), '2020-06-01T00:00:00.000Z'),
      /migration is not of this time/,
    ],
  ])('a migration %s is refused, also to be stored only', async (_what, record, says) => {
    const { store, trust } = await moved();
    expect(await trust('s', call(OTHER, [record()]))).toMatch(says);
    expect(await trust('s', call(sha256, [record()], null))).toMatch(says);
    expect(await trust('s', call(sha256))).toBeNull();
    await store.close();
  });
});

function unsigned(record: AuditRecord): AuditRecord {
  return { ...record, payload: { ...record.payload, authorization: null } } as AuditRecord;
}
