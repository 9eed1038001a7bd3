import { createHash } from 'node:crypto';
import { type ReplayWorkerOptions, Worker } from '@temporalio/worker';
import { dataConverter } from '../bundle/workflow-file.ts';
import { chainRecord, GENESIS_HASH } from '../core/chain.ts';
import { AegrailError } from '../core/errors.ts';
import type { AuditRecord } from '../core/record.ts';
import { RECORD_SINK } from '../protocol.ts';

/**
 * Makes a session's log again from its workflow history alone: the workflow's code is replayed, and what records it makes
 * are chained. Byte for byte what the store has, or somebody changed one of the two.
 *
 * @param history as the Temporal client gives it, or as JSON
 * @returns the lines of the log, without newlines
 * @throws AegrailError LOG_INVALID when the history is not one of this session code
 */
export async function regenerateLog(
  workflowBundle: { readonly code: string },
  history: unknown,
  sessionId: string,
): Promise<string[]> {
  const records: AuditRecord[] = [];
  const options: ReplayWorkerOptions = {
    workflowBundle,
    dataConverter: dataConverter(),
    sinks: {
      [RECORD_SINK]: {
        made: { fn: (_info, record) => void records.push(record as AuditRecord), callDuringReplay: true },
      },
    },
  };
  try {
    await Worker.runReplayHistory(options, history, sessionId);
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    throw new AegrailError('LOG_INVALID', `The history of ${sessionId} can not be replayed: ${why}`, { cause: thrown });
  }
  let prevHash = GENESIS_HASH;
  return records.map((record) => {
    const { line, record: chained } = chainRecord(record, prevHash, sha256);
    prevHash = chained.hash;
    return line;
  });
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
