import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { consistencyProof, leafHash, rangeOf, rootOfRange } from '../../src/core/merkle.ts';
import { formatCheckpoint } from '../../src/signing/checkpoint.ts';
import { generateSkey, parseSkey, type SigningKey } from '../../src/signing/key.ts';
import { formatNote, signNote } from '../../src/signing/note.ts';
import { serveWitness, type WitnessServer } from '../../src/witness/server.ts';
import { openWitnessState } from '../../src/witness/state.ts';

export const sha = (data: Uint8Array): Uint8Array => createHash('sha256').update(data).digest();

/** A log that can also lie: leaves of another `branch` are others from the leaf `fork` on. */
export interface TestLog {
  readonly key: SigningKey;
  note(size: number, branch?: string, signers?: readonly SigningKey[]): string;
  proof(oldSize: number, size: number, branch?: string): Uint8Array[];
  root(size: number): Uint8Array;
}

export function testLog(origin: string, fork = 3): TestLog {
  const key = parseSkey(generateSkey(origin));
  const leaves = (size: number, branch: string): Uint8Array[] =>
    Array.from({ length: size }, (_, at) => leafHash(Buffer.from(`${at >= fork ? branch : ''} leaf ${at}`), sha));
  const root = (size: number, branch = ''): Uint8Array => rootOfRange(rangeOf(leaves(size, branch), sha), sha);
  return {
    key,
    root,
    proof: (oldSize, size, branch = '') => consistencyProof(leaves(size, branch), oldSize, size, sha),
    note(size, branch = '', signers = [key]) {
      const text = formatCheckpoint({
        origin,
        size,
        root: Buffer.from(root(size, branch)).toString('hex'),
        number: 0,
        time: '2026-01-31T12:00:00.000Z',
        cadenceSeconds: 60,
        previous: '0'.repeat(64),
      });
      return formatNote(
        text,
        signers.map((signer) => signNote(text, signer)),
      );
    },
  };
}

/** A folder that goes away with the test. */
export function stateFolder(): string {
  const dir = mkdtempSync(join(tmpdir(), 'aegrail-witness-'));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

export interface TestWitness extends WitnessServer {
  /** The witness's verifier key. */
  readonly vkey: string;
  readonly errors: readonly unknown[];
  /** Ends the server and leaves its folder. */
  stop(): Promise<void>;
}

/** A witness that listens on a free port, at the time 1,800,000,000. */
export async function testWitness(logs: readonly TestLog[], dir = stateFolder()): Promise<TestWitness> {
  const key = parseSkey(generateSkey('witness.example/w1', 'cosignature'), 'cosignature');
  const state = openWitnessState(dir);
  const errors: unknown[] = [];
  const trusted = logs.map((log) => log.key.verifier);
  const server = await serveWitness(
    { key, trusted, state, now: () => 1_800_000_000_999 },
    { host: '127.0.0.1', port: 0 },
    (error) => errors.push(error),
  );
  let isStopped = false;
  const stop = async (): Promise<void> => {
    if (isStopped) return;
    isStopped = true;
    await server.close();
    state.close();
  };
  onTestFinished(stop);
  return { ...server, vkey: key.verifier.vkey, errors, stop };
}
