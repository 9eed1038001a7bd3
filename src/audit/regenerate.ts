import { createHash } from 'node:crypto';
import type { PayloadCodec } from '@temporalio/common';
import { refuseUnreadable } from '../codec/check-history.ts';
import { chainRecord, GENESIS_HASH } from '../core/chain.ts';
import { AegrailError } from '../core/errors.ts';
import type { AuditRecord } from '../core/record.ts';
import { runIdsOf } from '../core/run-ids.ts';
import { closingOf } from './closing.ts';
import { createReplayer, type Replayer } from './replayer.ts';
import { closeRecords, joinRuns, type RunRecords } from './runs.ts';

/** The code of sessions: a workflow bundle, or a replayer of one, for many sessions. Who made a replayer closes it. */
export type SessionCode = { readonly code: string } | Replayer;

/** What a log is made again with. */
export interface RegenerateOptions {
  /** The codec of the worker that ran the session, when it encrypted; a replayer was made with it. */
  readonly codec?: PayloadCodec | undefined;
  /** With the records that `audit reconcile` adds to the log of a session that was ended from outside. */
  readonly reconciled?: boolean;
}

/**
 * Makes a session's log again from its workflow history alone: the workflow's code is replayed, and what records it makes
 * are chained. Byte for byte what the store has, or somebody changed one of the two.
 *
 * @param histories of the session's runs, the first one first, as the Temporal client gives them, or as JSON. There is more
 *   than one when the session was reset: {@link runIdsOf} names those that the last one needs
 * @returns the lines of the log, without newlines
 * @throws AegrailError LOG_INVALID when a history is not one of this session code, PAYLOAD_UNREADABLE when it is encrypted with
 *   a key that is not at hand
 */
export async function regenerateLog(
  code: SessionCode,
  histories: readonly unknown[],
  sessionId: string,
  options: RegenerateOptions = {},
): Promise<string[]> {
  const records = await regenerateRecords(code, histories, sessionId, options);
  let prevHash = GENESIS_HASH;
  return records.map((record) => {
    const { line, record: chained } = chainRecord(record, prevHash, sha256);
    prevHash = chained.hash;
    return line;
  });
}

/** {@link regenerateLog}'s records, before they are chained. */
export async function regenerateRecords(
  code: SessionCode,
  histories: readonly unknown[],
  sessionId: string,
  { codec, reconciled = false }: RegenerateOptions = {},
): Promise<AuditRecord[]> {
  const replayer = 'replay' in code ? code : createReplayer(code, codec);
  try {
    const runs: RunRecords[] = [];
    for (const history of histories) {
      const runId = runIdsOf(history).own;
      await refuseUnreadable(history, codec);
      runs.push({ runId, made: await replay(replayer, history, sessionId), closing: closingOf(history, runId) });
    }
    const records = joinRuns(runs);
    return reconciled ? closeRecords(records, runs.at(-1)?.closing ?? null) : records;
  } finally {
    if (replayer !== code) await replayer.close();
  }
}

async function replay(replayer: Replayer, history: unknown, sessionId: string): Promise<AuditRecord[]> {
  try {
    return await replayer.replay(history, sessionId);
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    throw new AegrailError('LOG_INVALID', `The history of ${sessionId} can not be replayed: ${why}`, { cause: thrown });
  }
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
