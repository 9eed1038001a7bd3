import { readFileSync } from 'node:fs';
import type { Client } from '@temporalio/client';
import type { PayloadCodec } from '@temporalio/common';
import { expect, inject } from 'vitest';
import { auditFile } from '../../src/audit/audit.ts';
import { ledgerCheck } from '../../src/audit/ledger-check.ts';
import { regenerateLog, type SessionCode } from '../../src/audit/regenerate.ts';
import type { Replayer } from '../../src/audit/replayer.ts';
import { verifyLog } from '../../src/audit/verify.ts';
import { accountWorkflowId } from '../../src/core/account-name.ts';
import { lineOf } from '../../src/core/chain.ts';
import type { ChainedRecord } from '../../src/core/record.ts';
import { fetchHistories } from '../../src/temporal/histories.ts';

/**
 * What must be true of every session that a test started: its history replays, its stored log verifies, its ledger folds,
 * and the log that the history gives is the stored one, byte for byte. A session that still runs is only replayed.
 */
export async function checkSession(
  client: Client,
  sessionId: string,
  records: readonly ChainedRecord[],
  codec?: PayloadCodec,
  code: SessionCode = { code: readFileSync(inject('bundlePath'), 'utf8') },
): Promise<void> {
  const histories = await fetchHistories(client, sessionId);
  const reconciled = records.at(-1)?.event === 'session_terminated';
  const regenerated = await regenerateLog(code, histories, sessionId, { reconciled, codec });
  const stored = records.map((record) => lineOf(record));
  expect(regenerated.slice(0, stored.length), `${sessionId}: the log of the store is not that of the history`).toEqual(
    stored,
  );
  if (records.length === 0) return;
  const verified = await verifyLog(stored, { expectSession: sessionId, checkRecord: ledgerCheck });
  expect(verified, `${sessionId}: the log does not verify: ${JSON.stringify(verified)}`).toMatchObject({ ok: true });
  if (records.at(-1)?.event === 'session_ended') expect(regenerated).toHaveLength(stored.length);
}

/** Every run of an account replays with the code as it is. @param name the account's */
export async function replayAccount(client: Client, name: string, replayer: Replayer): Promise<void> {
  const id = accountWorkflowId(name);
  for (const history of await fetchHistories(client, id)) await replayer.replay(history, id);
}

/** What the logs of sessions that work for each other say of each other is the same. */
export async function checkFamilies(logs: readonly (readonly ChainedRecord[])[]): Promise<void> {
  const lines = logs.flatMap((records) => records.map((record) => `${lineOf(record)}\n`));
  const auditor = { keys: [], witnesses: [], kept: [], histories: null, onProgress: () => {} };
  const { verdicts } = await auditFile([Buffer.from(lines.join(''))], null, auditor);
  expect(verdicts.ledger.findings, 'the logs of sessions that work for each other').toEqual([]);
}
