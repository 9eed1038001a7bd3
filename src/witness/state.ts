import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { AegrailError, messageOf } from '../core/errors.ts';
import { parseNote } from '../signing/note.ts';
import { replaceDurably } from '../signing/durable-file.ts';
import { parseTreeHead } from '../signing/tree-head.ts';
import { createSpoolLock } from '../sinks/spool-lock.ts';

const LOCK_FILE = 'witness.lock';
const ORIGIN_HASH = /^[0-9a-f]{64}$/;

/** What a witness remembers of a log: the last checkpoint that it cosigned. */
export interface Cosigned {
  readonly size: number;
  readonly root: Uint8Array;
  /** The checkpoint with the signatures that the witness checked, and its own. */
  readonly note: string;
}

/** A witness's memory: a folder with a file for each log. */
export interface WitnessState {
  /** @returns null for a log that was never cosigned. @throws AegrailError LOG_INVALID for a damaged file */
  latest(origin: string): Cosigned | null;
  /** The same by the SHA-256, hex, of the origin: as C2SP's monitors ask for it. */
  latestByHash(originHash: string): Cosigned | null;
  /** Keeps a checkpoint in the place of the last one. The disk has it when this returns. */
  keep(origin: string, note: string): void;
  /** Leaves the folder to another process. */
  close(): void;
}

/**
 * Opens a witness's folder, for one process at a time: two that answered from one memory could both vouch for a fork.
 *
 * @throws AegrailError CONFIG_INVALID when it can't be written, or another process has it
 */
export function openWitnessState(dir: string): WitnessState {
  const lock = createSpoolLock(join(dir, LOCK_FILE));
  let isOurs: boolean;
  try {
    mkdirSync(dir, { recursive: true });
    isOurs = lock.take();
  } catch (thrown) {
    throw new AegrailError('CONFIG_INVALID', `the folder ${dir} can not be written: ${messageOf(thrown)}`, {
      cause: thrown,
    });
  }
  if (!isOurs)
    throw new AegrailError('CONFIG_INVALID', `another witness has the folder ${dir}: each needs one of its own`);

  function latestByHash(originHash: string): Cosigned | null {
    if (!ORIGIN_HASH.test(originHash)) return null;
    const note = textOrNull(fileOf(dir, originHash));
    if (note === null) return null;
    const { size, root } = parseTreeHead(parseNote(note).text);
    return { size, root, note };
  }

  return {
    latest: (origin) => latestByHash(hashOf(origin)),
    latestByHash,
    keep: (origin, note) => replaceDurably(fileOf(dir, hashOf(origin)), note, 0o644),
    close: () => lock.close(),
  };
}

function fileOf(dir: string, originHash: string): string {
  return join(dir, `${originHash}.checkpoint`);
}

function hashOf(origin: string): string {
  return createHash('sha256').update(origin, 'utf8').digest('hex');
}

function textOrNull(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (thrown) {
    // Any other error must not pass for a log that was never seen: its tree could then be rolled back.
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw thrown;
  }
}
