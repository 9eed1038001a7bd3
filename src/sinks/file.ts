import { basename, dirname, extname, join } from 'node:path';
import { lineOf } from '../core/chain.ts';
import { checkpointLine } from './checkpoint-line.ts';
import { createTurns } from './in-turn.ts';
import { createLineFile, type FileOptions } from './line-file.ts';
import type { Sink, SinkTrouble } from './sink.ts';

/**
 * Appends records to a file as JSON lines, each the line of the chain, and checkpoints as lines `{"note":"…"}` to a file
 * beside it. The one of checkpoints is never rotated: it is small, and no use with numbers missing.
 */
export function fileSink(path: string, options: FileOptions = {}): Sink {
  const inTurn = createTurns();
  let trouble: SinkTrouble = () => undefined;
  const tell: SinkTrouble = (lost, error) => trouble(lost, error);
  const records = createLineFile(path, options, tell);
  const checkpoints = createLineFile(checkpointsPath(path), { fsync: options.fsync ?? 'never' }, tell);
  return {
    name: `file ${path}`,
    write: (batch) => inTurn(() => records.write(batch.map((record) => Buffer.from(`${lineOf(record)}\n`)))),
    writeCheckpoint: (note) => inTurn(() => checkpoints.write([Buffer.from(`${checkpointLine(note)}\n`)])),
    listen: (listener) => {
      trouble = listener;
    },
    reopen: () => inTurn(() => onBoth((file) => file.reopen())),
    close: () => inTurn(() => onBoth((file) => file.close())),
  };

  /** Also on the second when the first one fails. */
  async function onBoth(work: (file: typeof records) => Promise<void>): Promise<void> {
    try {
      await work(records);
    } finally {
      await work(checkpoints);
    }
  }
}

/** Where the checkpoints beside a file of records go: `audit.jsonl` has `audit.checkpoints.jsonl`. */
export function checkpointsPath(path: string): string {
  return join(dirname(path), `${basename(path, extname(path))}.checkpoints.jsonl`);
}
