import type { Writable } from 'node:stream';
import { lineOf } from '../core/chain.ts';
import type { Sink } from './sink.ts';

/** Writes records to a stream, standard output by default, as JSON lines, each the line of the chain. */
export function stdoutSink(stream: Writable = process.stdout): Sink {
  // A reader that went away is told to the write's callback as well. Without a listener it would end the process.
  const ignore = (): void => undefined;
  stream.on('error', ignore);
  return {
    name: 'stdout',
    write: (records) =>
      new Promise((resolve, reject) => {
        const text = records.map((record) => `${lineOf(record)}\n`).join('');
        stream.write(text, (error) => (error ? reject(error) : resolve()));
      }),
    close: async () => {
      stream.off('error', ignore);
    },
  };
}
