import { AegrailError } from '../core/errors.ts';
import { fromBase64, toBase64 } from '../signing/base64.ts';
import { parseDecimal } from '../signing/tree-head.ts';

/** Most proof lines of a request: C2SP tlog-witness. */
const MAX_PROOF_LINES = 63;
const HASH_BYTES = 32;

/** What a log asks of a witness: C2SP tlog-witness, add-checkpoint. */
export interface AddCheckpoint {
  /** Size of the tree that the witness cosigned last. */
  readonly oldSize: number;
  /** Proof that the checkpoint's tree continues that one. */
  readonly proof: readonly Uint8Array[];
  /** The signed checkpoint. */
  readonly note: string;
}

/** Writes a request's body. */
export function formatAddCheckpoint({ oldSize, proof, note }: AddCheckpoint): string {
  return `old ${oldSize}\n${proof.map((hash) => `${toBase64(hash)}\n`).join('')}\n${note}`;
}

/** Reads a request's body; the note in it is left as it is. @throws AegrailError LOG_INVALID with a reason */
export function parseAddCheckpoint(body: string): AddCheckpoint {
  const end = body.indexOf('\n\n');
  if (end < 0) throw invalid('there is no empty line before the checkpoint');
  const [old = '', ...proof] = body.slice(0, end).split('\n');
  if (!old.startsWith('old ')) throw invalid('the first line is not "old" and a size');
  if (proof.length > MAX_PROOF_LINES) throw invalid(`there are more than ${MAX_PROOF_LINES} proof lines`);
  return {
    oldSize: parseDecimal(old.slice('old '.length), 'the old size'),
    proof: proof.map(hashOf),
    note: body.slice(end + 2),
  };
}

function hashOf(line: string): Uint8Array {
  const bytes = fromBase64(line);
  if (bytes?.length !== HASH_BYTES) throw invalid('a proof line is not the base64 of 32 bytes');
  return bytes;
}

function invalid(why: string): AegrailError {
  return new AegrailError('LOG_INVALID', why);
}
