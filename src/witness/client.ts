import { messageOf } from '../core/errors.ts';
import { cosignedAt } from '../signing/cosignature.ts';
import { parseVkey, type VerifierKey } from '../signing/key.ts';
import { type NoteSignature, parseNote, parseSignatureLine } from '../signing/note.ts';
import { parseDecimal } from '../signing/tree-head.ts';
import { type AddCheckpoint, formatAddCheckpoint } from './request.ts';

/** Largest answer that is read. */
const MAX_ANSWER_BYTES = 65_536;

/** Where a witness is, and its verifier key: an item of `signing.witnesses` in a contract file. */
export interface WitnessAddress {
  /** Submission prefix: `/add-checkpoint` is put behind it. */
  readonly url: string;
  /** A vkey of type 0x04. */
  readonly key: string;
}

/** What came of asking a witness. */
export type Cosigning =
  | { readonly ok: true; readonly signature: NoteSignature; readonly unixSeconds: number }
  /** `size`: what the witness cosigned last, where that is why it did not cosign now. */
  | { readonly ok: false; readonly why: string; readonly size?: number };

/**
 * Asks a witness to cosign a checkpoint (C2SP tlog-witness), and checks its cosignature. Never throws: that a witness is
 * down is no reason to stop.
 */
export async function cosign(
  { url, key }: WitnessAddress,
  { timeoutMs, ...request }: AddCheckpoint & { readonly timeoutMs: number },
): Promise<Cosigning> {
  try {
    const verifier = parseVkey(key, 'cosignature');
    const response = await fetch(`${url.replace(/\/+$/, '')}/add-checkpoint`, {
      method: 'POST',
      body: formatAddCheckpoint(request),
      headers: { 'content-type': 'text/plain; charset=utf-8' },
      redirect: 'error',
      signal: AbortSignal.timeout(timeoutMs),
    });
    const body = await textOf(response);
    if (response.status === 200) return cosignatureIn(body, request.note, verifier);
    if (response.status !== 409) return { ok: false, why: `it answered ${response.status}${reason(body)}` };
    const size = parseDecimal(body.replace(/\n$/, ''), 'the size that it answered');
    return { ok: false, why: `it cosigned a tree of ${size} entries last, not of ${request.oldSize}`, size };
  } catch (thrown) {
    return { ok: false, why: failure(thrown, timeoutMs) };
  }
}

function cosignatureIn(body: string, note: string, verifier: VerifierKey): Cosigning {
  if (!body.endsWith('\n')) return { ok: false, why: 'its answer is no signature line' };
  const { text } = parseNote(note);
  for (const line of body.slice(0, -1).split('\n')) {
    const signature = parseSignatureLine(line);
    const unixSeconds = cosignedAt(text, signature, verifier);
    if (unixSeconds !== null) return { ok: true, signature, unixSeconds };
  }
  return { ok: false, why: `its answer holds no good cosignature of ${verifier.id}` };
}

async function textOf(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    const part = chunk as Uint8Array;
    bytes += part.length;
    if (bytes > MAX_ANSWER_BYTES) throw new Error(`its answer has more than ${MAX_ANSWER_BYTES} bytes`);
    chunks.push(part);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** The first line of what a witness says, without what would move a terminal's cursor. */
function reason(body: string): string {
  const line = (body.split('\n', 1)[0] ?? '').replace(/\p{Cc}/gu, '').slice(0, 200);
  return line === '' ? '' : `: ${line}`;
}

function failure(thrown: unknown, timeoutMs: number): string {
  if (thrown instanceof Error && thrown.name === 'TimeoutError') return `it did not answer within ${timeoutMs} ms`;
  // fetch says "fetch failed", and why in its cause; of several addresses that all failed only a code.
  const cause: unknown = thrown instanceof TypeError && thrown.cause !== undefined ? thrown.cause : thrown;
  return messageOf(cause) || ((cause as NodeJS.ErrnoException).code ?? 'it can not be reached');
}
