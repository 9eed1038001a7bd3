import { readFileSync } from 'node:fs';
import type { Client } from '@temporalio/client';
import { expect, inject } from 'vitest';
import { ledgerCheck } from '../../src/audit/ledger-check.ts';
import { regenerateLog } from '../../src/audit/regenerate.ts';
import { verifyLog } from '../../src/audit/verify.ts';
import { lineOf } from '../../src/core/chain.ts';
import type { ChainedRecord } from '../../src/core/record.ts';

/**
 * What must be true of every session that a test started: its history replays, its stored log verifies, its ledger folds,
 * and the log that the history gives is the stored one, byte for byte. A session that still runs is only replayed.
 */
export async function checkSession(
  client: Client,
  sessionId: string,
  records: readonly ChainedRecord[],
): Promise<void> {
  const history = await client.workflow.getHandle(sessionId).fetchHistory();
  const bundle = { code: readFileSync(inject('bundlePath'), 'utf8') };
  const regenerated = await regenerateLog(bundle, history, sessionId);
  const stored = records.map((record) => lineOf(record));
  expect(regenerated.slice(0, stored.length), `${sessionId}: the log of the store is not that of the history`).toEqual(
    stored,
  );
  if (records.length === 0) return;
  const verified = await verifyLog(stored, { expectSession: sessionId, checkRecord: ledgerCheck });
  expect(verified, `${sessionId}: the log does not verify`).toMatchObject({ ok: true });
  if (records.at(-1)?.event === 'session_ended') expect(regenerated).toHaveLength(stored.length);
}
