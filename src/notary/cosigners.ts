import { messageOf } from '../core/errors.ts';
import type { NoteSignature } from '../signing/note.ts';
import { cosign, type Cosigning, type WitnessAddress } from '../witness/client.ts';
import type { Follower } from './follower.ts';

/** Has witnesses cosign checkpoints. */
export interface Cosigners {
  /**
   * Asks all at once. One that is down, slow or refuses costs 3 seconds at most, and is told of.
   *
   * @param note a checkpoint of the follower's tree as it is, signed
   * @param previousSize what a witness has seen most likely, when it was not asked before
   */
  cosign(note: string, previousSize: number): Promise<readonly NoteSignature[]>;
}

/** Longest that a witness takes, in milliseconds. */
const TIMEOUT_MS = 3_000;

/** @param complain told of each trouble with a witness, every time */
export function createCosigners(
  witnesses: readonly WitnessAddress[],
  follower: Follower,
  complain: (witness: WitnessAddress, why: string) => void,
): Cosigners {
  /** The size of the tree that each witness has seen. */
  const seen = new Map<WitnessAddress, number>();

  async function ask(witness: WitnessAddress, note: string, oldSize: number, timeoutMs: number): Promise<Cosigning> {
    const proof = await follower.proofFrom(oldSize);
    const cosigning = await cosign(witness, { oldSize, proof, note, timeoutMs });
    if (cosigning.ok) seen.set(witness, follower.size());
    return cosigning;
  }

  async function cosigningOf(witness: WitnessAddress, note: string, previousSize: number): Promise<Cosigning> {
    const until = performance.now() + TIMEOUT_MS;
    const first = await ask(witness, note, seen.get(witness) ?? previousSize, TIMEOUT_MS);
    if (first.ok || first.size === undefined) return first;
    // Another notary asks it too, and it has seen what that one signed.
    if (first.size > follower.size()) return first;
    // To prove growth from an old size costs the whole log from there on: a witness does not get to ask for that again and again.
    if (first.size < (seen.get(witness) ?? 0))
      return { ...first, why: `${first.why}; it cosigned a larger tree before` };
    return ask(witness, note, first.size, Math.max(1, Math.round(until - performance.now())));
  }

  async function signaturesOf(witness: WitnessAddress, note: string, previousSize: number): Promise<NoteSignature[]> {
    try {
      const cosigning = await cosigningOf(witness, note, previousSize);
      if (cosigning.ok) return [cosigning.signature];
      complain(witness, cosigning.why);
    } catch (thrown) {
      complain(witness, messageOf(thrown));
    }
    return [];
  }

  return {
    async cosign(note, previousSize) {
      const signatures = witnesses.map((witness) => signaturesOf(witness, note, previousSize));
      return (await Promise.all(signatures)).flat();
    },
  };
}
