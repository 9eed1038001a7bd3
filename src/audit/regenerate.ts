import { createHash } from 'node:crypto';
import type { PayloadCodec } from '@temporalio/common';
import { type ReplayWorkerOptions, Worker } from '@temporalio/worker';
import { dataConverter } from '../bundle/workflow-file.ts';
import { refuseUnreadable } from '../codec/check-history.ts';
import { chainRecord, GENESIS_HASH } from '../core/chain.ts';
import { AegrailError } from '../core/errors.ts';
import type { AuditRecord } from '../core/record.ts';
import { runIdsOf } from '../core/run-ids.ts';
import { RECORD_SINK } from '../protocol.ts';
import { closingOf } from './closing.ts';
import { closeRecords, joinRuns, type RunRecords } from './runs.ts';

/** What a log is made again with. */
export interface RegenerateOptions {
  /** The codec of the worker that ran the session, when it encrypted. */
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
  workflowBundle: { readonly code: string },
  histories: readonly unknown[],
  sessionId: string,
  options: RegenerateOptions = {},
): Promise<string[]> {
  const records = await regenerateRecords(workflowBundle, histories, sessionId, options);
  let prevHash = GENESIS_HASH;
  return records.map((record) => {
    const { line, record: chained } = chainRecord(record, prevHash, sha256);
    prevHash = chained.hash;
    return line;
  });
}

/** {@link regenerateLog}'s records, before they are chained. */
export async function regenerateRecords(
  workflowBundle: { readonly code: string },
  histories: readonly unknown[],
  sessionId: string,
  { codec, reconciled = false }: RegenerateOptions = {},
): Promise<AuditRecord[]> {
  const runs: RunRecords[] = [];
  for (const history of histories) {
    const runId = runIdsOf(history).own;
    await refuseUnreadable(history, codec);
    const made = await replay(workflowBundle, history, sessionId, codec);
    runs.push({ runId, made, closing: closingOf(history, runId) });
  }
  const records = joinRuns(runs);
  return reconciled ? closeRecords(records, runs.at(-1)?.closing ?? null) : records;
}

/** The records that one run made, in order, those too that it took back when it found that it was reset. */
async function replay(
  workflowBundle: { readonly code: string },
  history: unknown,
  sessionId: string,
  codec: PayloadCodec | undefined,
): Promise<AuditRecord[]> {
  const records: AuditRecord[] = [];
  const options: ReplayWorkerOptions = {
    workflowBundle,
    dataConverter: dataConverter(codec),
    sinks: {
      [RECORD_SINK]: {
        made: { fn: (_info, record) => void records.push(record as AuditRecord), callDuringReplay: true },
      },
    },
  };
  try {
    await Worker.runReplayHistory(options, history, sessionId);
    return records;
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    throw new AegrailError('LOG_INVALID', `The history of ${sessionId} can not be replayed: ${why}`, { cause: thrown });
  }
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
