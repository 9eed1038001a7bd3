import { createHash } from 'node:crypto';
import { emptyRange, rootOfRange, type Sha256Bytes, verifyConsistency } from '../core/merkle.ts';
import { AegrailError } from '../core/errors.ts';
import { cosignText } from '../signing/cosignature.ts';
import type { SigningKey, VerifierKey } from '../signing/key.ts';
import { formatNote, formatSignatureLine, isSignedBy, type Note, parseNote, signaturesOf } from '../signing/note.ts';
import { parseTreeHead, type TreeHead } from '../signing/tree-head.ts';
import { type AddCheckpoint, parseAddCheckpoint } from './request.ts';
import type { WitnessState } from './state.ts';

/** What a witness answers over HTTP. */
export interface Answer {
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

/** Who a witness is, whom it watches, and what it remembers. */
export interface Witness {
  /** Its key, of the purpose `cosignature`. */
  readonly key: SigningKey;
  /** Keys of the logs that it watches. A key's name is its log's origin; a log may have several. */
  readonly trusted: readonly VerifierKey[];
  readonly state: WitnessState;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

const sha256: Sha256Bytes = (data) => createHash('sha256').update(data).digest();

/**
 * Answers a request to cosign a checkpoint, with the checks and the codes of C2SP tlog-witness, add-checkpoint. From
 * reading the last size to keeping the next one nothing else runs (it is synchronous), as the specification asks.
 *
 * @throws what the state throws when it can't be read or written: nothing is cosigned then
 */
export function addCheckpoint(body: string, witness: Witness): Answer {
  const asked = read(body);
  if (!('request' in asked)) return asked;
  const { request, note, head } = asked;
  const keys = witness.trusted.filter(({ name }) => name === head.origin);
  if (keys.length === 0) return said(404, 'this witness does not watch a log of this origin');
  const signers = keys.filter((key) => signaturesOf(note, key).length > 0);
  if (signers.length === 0) return said(403, 'no key that this witness trusts for this origin signed the checkpoint');
  if (!signers.every((key) => isSignedBy(note, key))) return said(403, 'a signature of a trusted key is bad');
  if (request.oldSize > head.size) return said(400, 'the old size is larger than the checkpoint');
  const last = witness.state.latest(head.origin);
  const lastSize = last?.size ?? 0;
  if (request.oldSize !== lastSize) return { status: 409, type: 'text/x.tlog.size', body: `${lastSize}\n` };
  const problem = inconsistency(request, head, last?.root ?? emptyRoot());
  if (problem !== null) return said(422, problem);
  const cosignature = cosignText(note.text, witness.key, Math.floor(witness.now() / 1_000));
  const checked = signers.flatMap((key) => signaturesOf(note, key));
  witness.state.keep(head.origin, formatNote(note.text, [...checked, cosignature]));
  return { status: 200, type: 'text/plain; charset=utf-8', body: formatSignatureLine(cosignature) };
}

/** A sentence as an answer. */
export function said(status: number, sentence: string): Answer {
  return { status, type: 'text/plain; charset=utf-8', body: `${sentence}\n` };
}

function read(body: string): { request: AddCheckpoint; note: Note; head: TreeHead } | Answer {
  try {
    const request = parseAddCheckpoint(body);
    const note = parseNote(request.note);
    return { request, note, head: parseTreeHead(note.text) };
  } catch (thrown) {
    if (thrown instanceof AegrailError) return said(400, thrown.message);
    throw thrown;
  }
}

/** Why a tree does not continue the one that was cosigned last, or null. */
function inconsistency(
  { oldSize, proof }: AddCheckpoint,
  { size, root }: TreeHead,
  oldRoot: Uint8Array,
): string | null {
  if (size === 0 && !Buffer.from(root).equals(emptyRoot()))
    return 'the root of an empty tree must be SHA-256 of nothing';
  if (oldSize === 0 && proof.length > 0) return 'there must be no proof from the empty tree';
  if (oldSize === size && !Buffer.from(root).equals(oldRoot)) return 'this size was cosigned with another root';
  return verifyConsistency({ oldSize, oldRoot, newSize: size, newRoot: root, proof }, sha256)
    ? null
    : 'the consistency proof does not hold';
}

function emptyRoot(): Uint8Array {
  return rootOfRange(emptyRange(), sha256);
}
