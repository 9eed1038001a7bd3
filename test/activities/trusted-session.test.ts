import { expect, test } from 'vitest';
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
