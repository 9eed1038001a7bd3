import type { Writable } from 'node:stream';
import { lineOf } from '../core/chain.ts';
import { checkpointLine } from './checkpoint-line.ts';
import type { Sink } from './sink.ts';

/**
 * Writes to a stream, standard output by default, as JSON lines: records as they are in the chain, checkpoints as
 * `{"note":"…"}`.
 */
export function stdoutSink(stream: Writable = process.stdout): Sink {
  // A reader that went away is told to the write's callback as well. Without a listener it would end the process.
  const ignore = (): void => undefined;
  stream.on('error', ignore);
  const write = (text: string): Promise<void> =>
    new Promise((resolve, reject) => {
      stream.write(text, (error) => (error ? reject(error) : resolve()));
    });
  return {
    name: 'stdout',
    write: (records) => write(records.map((record) => `${lineOf(record)}\n`).join('')),
    writeCheckpoint: (note) => write(`${checkpointLine(note)}\n`),
    close: async () => {
      stream.off('error', ignore);
    },
  };
}
