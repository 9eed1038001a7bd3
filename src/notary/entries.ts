import { ENTRY_EVERY_MS, type KeyEntry, type LogEntry } from '../core/entry.ts';
import { AegrailError } from '../core/errors.ts';
import { entryText, parseEntry } from '../signing/entry.ts';
import type { SigningKey } from '../signing/key.ts';
import type { Keyring } from '../signing/keyring.ts';
import type { Store } from '../store/store.ts';
import type { Follower } from './follower.ts';
import { type DueHeads, dueHeads } from './heads.ts';
import { historyOf, missingStatements } from './key-statements.ts';

/** What entries are made from. */
export interface EntriesOptions {
  readonly store: Store;
  readonly keyring: Keyring;
  readonly follower: Follower;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Told of statements of the keyring that the log's do not bear out, every time. */
  readonly refused: (why: string) => void;
}

/** Puts entries into the tree. */
export interface Entries {
  /** Appends the keyring's statements that are missing. @returns how many */
  statements(): Promise<number>;
  /** Appends the heads that are due, behind the first key. @param all those of every record without an entry. @returns how many */
  heads(all: boolean): Promise<number>;
  /** Appends an entry that the active key signs; see `Notary.record`. */
  record(make: (key: SigningKey) => Promise<LogEntry | null>): Promise<boolean>;
  /** The keyring's key, when the log has it sign now, and otherwise why not. */
  activeKey(): Promise<SigningKey | string>;
}

/** Most entries in one transaction. */
const BATCH_ENTRIES = 500;
/** How often somebody else may be first, one time after the other. */
const MAX_LOST = 100;

/** Its promises are not to overlap. */
export function createEntries({ store, keyring, follower, now, refused }: EntriesOptions): Entries {
  /** Appends what is built from the tree as it is, and builds it again when another writer was first. */
  async function append(build: () => Promise<DueHeads>): Promise<number> {
    for (let lost = 0; lost < MAX_LOST; lost++) {
      await follower.catchUp();
      const { entries, sealed } = await build();
      if (entries.length === 0 || (await follower.append(entries, sealed))) return entries.length;
    }
    throw new AegrailError('AUDIT_UNAVAILABLE', `other writers of the log of logs were first ${MAX_LOST} times`);
  }

  const statements = (): Promise<number> =>
    append(async () => {
      const missing = missingStatements(keyring, follower.keyEntries(), new Date(now()).toISOString());
      if (missing.refused.length > 0) refused(missing.refused.join('; '));
      return { entries: missing.entries.map(entryText), sealed: [] };
    });

  async function heads(all: boolean): Promise<number> {
    const before = all ? null : new Date(now() - ENTRY_EVERY_MS).toISOString();
    for (let appended = 0; ;) {
      const added = await append(() => dueHeads(store, before, BATCH_ENTRIES));
      appended += added;
      // Sessions that run on make new records all the time: what came after is for the next tick.
      if (added < BATCH_ENTRIES) return appended;
    }
  }

  async function activeKey(): Promise<SigningKey | string> {
    const isActive = (key: SigningKey): boolean => follower.history.active()?.vkey === key.verifier.vkey;
    const key = keyring.active();
    if (isActive(key)) return key;
    // It may have been rotated since its statements were read.
    await statements();
    const now = keyring.active();
    if (isActive(now)) return now;
    const active = follower.history.active()?.id ?? 'none';
    return `the log's active key is ${active}, and the keyring's is ${now.verifier.id}: this process signs nothing until it has that key, or a rotation from it`;
  }

  return {
    statements,
    heads,
    activeKey,
    async record(make) {
      await statements();
      const added = await append(async () => {
        const key = await activeKey();
        if (typeof key === 'string') throw new AegrailError('CONFIG_INVALID', key);
        const entry = await make(key);
        return { entries: entry ? [checked(entry, follower.keyEntries())] : [], sealed: [] };
      });
      return added > 0;
    },
  };
}

/** An entry's text. What is in the tree stays there: so one that verifiers would not take must not get into it. */
function checked(entry: LogEntry, keyEntries: readonly KeyEntry[]): string {
  const text = entryText(entry);
  const fault = historyOf(keyEntries).take(parseEntry(text));
  if (fault) throw new AegrailError('LOG_INVALID', `the log does not take this ${entry.kind}: ${fault.why}`);
  return text;
}
