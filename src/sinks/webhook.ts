import { lineOf } from '../core/chain.ts';
import { checkpointLine, isCheckpointLine } from './checkpoint-line.ts';
import { type HttpOptions, httpSink } from './http-sink.ts';
import type { Sink } from './sink.ts';
import type { Wire } from './wire.ts';

const WIRE: Wire = {
  bodyOf: (lines) => {
    const [first = ''] = lines;
    return isCheckpointLine(first) ? first : `[${lines.join(',')}]`;
  },
  isTransient: (status) => status === 408 || status === 425 || status === 429 || status >= 500,
};

/**
 * Posts records over HTTP: one request a batch, a JSON array (`application/json`) whose elements are the lines of the
 * chain as they stand, one request at a time, in order. A checkpoint is a request of its own, the object
 * `{"note":"…"}`. No answer in time, 408, 425, 429 and 5xx are tried again; any other answer but 2xx, a redirect too, is
 * final: the batch is lost, or set aside in the spool. docs/sinks.md is for those who write a receiver.
 *
 * @throws AegrailError CONFIG_INVALID when the url or a header is not one that can be sent, or the spool can't be made
 */
export function webhookSink(options: HttpOptions): Sink {
  return httpSink(options, {
    kind: 'webhook',
    wire: WIRE,
    linesOf: (records) => records.map(lineOf),
    checkpointLine,
  });
}
