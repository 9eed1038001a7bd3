import { ENTRY_VERSION, type KeyEntry } from '../core/entry.ts';
import { signEntry } from '../signing/entry.ts';
import { createKeyHistory, type KeyHistory } from '../signing/key-history.ts';
import type { Keyring } from '../signing/keyring.ts';

/** What a keyring has to say to a tree, and what of it the tree's keys do not bear out. */
export interface Statements {
  readonly entries: readonly KeyEntry[];
  /** Why statements of the keyring do not follow. */
  readonly refused: readonly string[];
}

/**
 * The keyring's statements that the tree does not have, each of which follows from those before it. A keyring that keeps
 * none (a key in an environment variable) has them made here: the first key adds itself, a new one comes in the place of
 * the one before it.
 *
 * @param known the statements that the tree has, in order
 * @param at time of a statement that is made
 */
export function missingStatements(keyring: Keyring, known: readonly KeyEntry[], at: string): Statements {
  const history = historyOf(known);
  const said = new Set(known.map(what));
  const entries: KeyEntry[] = [];
  const refused: string[] = [];
  for (const entry of keyring.statements()) {
    if (said.has(what(entry))) continue;
    const fault = history.take(entry);
    if (fault) refused.push(`${entry.kind} of ${entry.at}: ${fault.why}`);
    else entries.push(entry);
  }
  const made = madeStatement(keyring, history, at);
  return { entries: made ? [...entries, made] : entries, refused };
}

/** The keys that statements make, without the entries between them: positions are not the tree's. */
export function historyOf(statements: readonly KeyEntry[]): KeyHistory {
  const history = createKeyHistory();
  for (const entry of statements) history.take(entry);
  return history;
}

function madeStatement(keyring: Keyring, history: KeyHistory, at: string): KeyEntry | null {
  const key = keyring.active();
  const active = history.active();
  const { vkey } = key.verifier;
  if (!active) return signEntry({ v: ENTRY_VERSION, kind: 'key_added', at, key: vkey }, [key]);
  const { previous } = keyring;
  // A key that was active before does not come back.
  const isNew = !history.keys().some((other) => other.key.vkey === vkey);
  if (!isNew || previous?.verifier.vkey !== active.vkey) return null;
  return signEntry({ v: ENTRY_VERSION, kind: 'key_rotated', at, from: active.vkey, to: vkey }, [previous, key]);
}

/** What a statement says, whenever it was made: a key that moved from a variable to a folder need not say it again. */
function what(entry: KeyEntry): string {
  return entry.kind === 'key_rotated' ? `rotated ${entry.from} ${entry.to}` : `${entry.kind} ${entry.key}`;
}
