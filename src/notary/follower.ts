import { hash } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { KeyEntry, LogEntry } from '../core/entry.ts';
import { AegrailError, messageOf } from '../core/errors.ts';
import type { Fault } from '../core/faults.ts';
import { appendHash, emptyRange, extensionProof, leafHash, type Range, rootOfRange } from '../core/merkle.ts';
import { parseEntry } from '../signing/entry.ts';
import { createKeyHistory, isKeyEntry, type KeyHistory } from '../signing/key-history.ts';
import type { Sealed, TreeStore } from '../store/tree-store.ts';

/** What this process knows of a store's tree: it reads each entry once, and keeps nothing of it but hashes and keys. */
export interface Follower {
  /** How many entries it has seen. */
  size(): number;
  /** The root of these, in hex. */
  root(): string;
  /** Which keys they say there are. */
  readonly history: KeyHistory;
  /** Their statements about keys, in order. */
  keyEntries(): readonly KeyEntry[];
  /**
   * Reads what others appended.
   *
   * @throws AegrailError LOG_INVALID when an entry is none, or does not follow, or the store has lost entries
   */
  catchUp(): Promise<void>;
  /** Appends when nobody else did since {@link catchUp}. @returns false, and nothing is written, when somebody did */
  append(entries: readonly string[], sealed: readonly Sealed[]): Promise<boolean>;
  /** The root of the first entries, in hex. */
  rootAt(size: number): Promise<string>;
  /** Proof that the tree continues the one of its first `size` entries. */
  proofFrom(size: number): Promise<Uint8Array[]>;
}

/** Entries between two turns of the event loop: a worker's own work goes on while a long log is read. */
const ENTRIES_A_TURN = 1_000;
/** A range is kept every so many entries, so that one of any size is soon had. */
const MARK_EVERY = 4_096;
/** Further ranges that are kept: those of the last checkpoint, and of what witnesses have seen. */
const KEPT_RANGES = 8;

const sha256 = (data: Uint8Array): Uint8Array => hash('sha256', data, 'buffer');
const hashOf = (text: string): Uint8Array => leafHash(Buffer.from(text, 'utf8'), sha256);

/** A follower that has seen nothing yet. Its promises are not to overlap. */
export function createFollower(tree: TreeStore): Follower {
  const history = createKeyHistory();
  const keyEntries: KeyEntry[] = [];
  const marks: Range[] = [emptyRange()];
  const kept = new Map<number, Range>();
  let tip = emptyRange();
  let broken: AegrailError | null = null;

  function take(text: string): void {
    const entry = readEntry(text);
    const fault = typeof entry === 'string' ? entry : whyOf(history.take(entry));
    if (fault !== null || typeof entry === 'string') {
      broken = invalid(tip.size, String(fault));
      throw broken;
    }
    tip = appendHash(tip, hashOf(text), sha256);
    if (tip.size % MARK_EVERY === 0) marks.push(tip);
    if (isKeyEntry(entry)) keyEntries.push(entry);
  }

  async function catchUp(): Promise<void> {
    // What is in the tree stays there.
    if (broken) throw broken;
    const size = await tree.size();
    if (size < tip.size) {
      const why = `the store has ${size} entries where it had ${tip.size}: an older copy of it was put in its place`;
      throw new AegrailError('LOG_INVALID', why);
    }
    for await (const text of inTurns(tree.entries(tip.size, size))) take(text);
    if (tip.size < size) throw invalid(tip.size, 'it is missing');
  }

  /** From the nearest range that is kept. */
  async function rangeAt(size: number): Promise<Range> {
    const known = [...marks, ...kept.values(), tip].filter((range) => range.size <= size);
    const nearest = known.reduce((best, other) => (other.size > best.size ? other : best));
    const range = nearest.size === size ? nearest : await extended(nearest, size);
    // The one that was used last is the last to go.
    kept.delete(size);
    kept.set(size, range);
    if (kept.size > KEPT_RANGES) kept.delete(Math.min(...[...kept.keys()].slice(0, -1)));
    return range;
  }

  async function extended(from: Range, size: number): Promise<Range> {
    let range = from;
    for await (const text of inTurns(tree.entries(from.size, size))) range = appendHash(range, hashOf(text), sha256);
    if (range.size !== size) throw invalid(range.size, 'it is missing');
    return range;
  }

  return {
    size: () => tip.size,
    root: () => hex(rootOfRange(tip, sha256)),
    history,
    keyEntries: () => keyEntries,
    catchUp,
    async append(entries, sealed) {
      if (!(await tree.append(tip.size, entries, sealed))) return false;
      for (const text of entries) take(text);
      return true;
    },
    rootAt: async (size) => hex(rootOfRange(await rangeAt(size), sha256)),
    async proofFrom(size) {
      if (size === 0 || size === tip.size) return [];
      const old = await rangeAt(size);
      const added: Uint8Array[] = [];
      for await (const text of inTurns(tree.entries(size, tip.size))) added.push(hashOf(text));
      return extensionProof(old, added, sha256);
    },
  };
}

async function* inTurns(entries: AsyncIterable<string>): AsyncIterable<string> {
  let read = 0;
  for await (const text of entries) {
    yield text;
    if (++read % ENTRIES_A_TURN === 0) await nextTurn();
  }
}

/** An entry, or why it is none. Heads are most of them, and what counts here are their bytes: verifiers judge their form. */
function readEntry(text: string): LogEntry | string {
  try {
    const value = JSON.parse(text) as LogEntry;
    return value.kind === 'head' ? value : parseEntry(text);
  } catch (thrown) {
    return messageOf(thrown);
  }
}

function whyOf(fault: Fault | null): string | null {
  return fault && `${fault.fault}: ${fault.why}`;
}

function invalid(index: number, why: string): AegrailError {
  return new AegrailError('LOG_INVALID', `entry ${index} of the log of logs: ${why}. No checkpoint is signed over it`);
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
