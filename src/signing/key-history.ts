import type { KeyAddedEntry, KeyEntry, KeyRevokedEntry, KeyRotatedEntry, LogEntry } from '../core/entry.ts';
import { AegrailError } from '../core/errors.ts';
import { type Fault, faultOf } from '../core/faults.ts';
import { entrySignedBy } from './entry.ts';
import { ORIGIN, parseVkey, type VerifierKey } from './key.ts';
import { isSignedBy, type Note, signaturesOf } from './note.ts';

/** A key of a log, and its time: by position in the tree, never by a clock. */
export interface KnownKey {
  readonly key: VerifierKey;
  /** Index of the entry that made it the active one: it signs trees larger than this. */
  readonly from: number;
  /** Index of the entry that made another the active one; null while it is active. */
  readonly until: number | null;
  /** `at` of the entry at `from`. */
  readonly at: string;
  readonly revoked: { readonly index: number; readonly at: string; readonly reason: string } | null;
}

/** Which key may sign what, as a log's own entries say. The notary and the verifier go by the same one. */
export interface KeyHistory {
  /** How many entries were taken. */
  size(): number;
  /**
   * Takes the next entry: the first is index 0. What does not follow changes nothing, but counts; so does a leaf that is no
   * entry, null.
   *
   * @returns `bad_entry_signature`, `bad_key_statement`, `unknown_key`, `expired_key` or `revoked_key`, or null
   */
  take(entry: LogEntry | null): Fault | null;
  /** The key that is active after all entries so far; null before the first. */
  active(): VerifierKey | null;
  /** The key that is active after the first `size` entries. */
  activeAt(size: number): VerifierKey | null;
  /** All keys, in the order in which they became active. */
  keys(): readonly KnownKey[];
  /**
   * What is wrong with who signed a checkpoint of the first `size` entries, or null. Whether its root is right is not
   * looked at. `bad_signature`, `unknown_key`, `expired_key` or `revoked_key`.
   */
  checkNote(note: Note, size: number): Fault | null;
}

/** A history without keys. */
export function createKeyHistory(): KeyHistory {
  const known: KnownKey[] = [];
  let taken = 0;

  const active = (): VerifierKey | null => known.at(-1)?.key ?? null;
  const activeAt = (size: number): VerifierKey | null => known.findLast(({ from }) => from < size)?.key ?? null;

  function add(key: VerifierKey, at: string): null {
    const previous = known.pop();
    if (previous) known.push({ ...previous, until: taken });
    known.push({ key, from: taken, until: null, at, revoked: null });
    return null;
  }

  function takeAdded({ key, at }: KeyAddedEntry, entry: LogEntry): Fault | null {
    if (known.length > 0) return statement('a second key_added: a further key comes by key_rotated');
    const added = keyOf(key);
    if (!added) return statement('key is no verifier key, name+hash+base64 of an Ed25519 key');
    return signatureFault(entry, [added]) ?? add(added, at);
  }

  function takeRotated({ from, to, at }: KeyRotatedEntry, entry: LogEntry, now: VerifierKey): Fault | null {
    if (from !== now.vkey) return statement(`key_rotated does not come from the active key, which is ${now.id}`);
    const next = keyOf(to);
    if (!next) return statement('to is no verifier key, name+hash+base64 of an Ed25519 key');
    if (next.name !== now.name) return statement(`key_rotated goes to a key of another name than ${now.name}`);
    if (known.some(({ key }) => key.id === next.id)) return statement(`key_rotated goes back to the key ${next.id}`);
    return signatureFault(entry, [now, next]) ?? add(next, at);
  }

  function takeRevoked({ key, reason, at }: KeyRevokedEntry, entry: LogEntry, now: VerifierKey): Fault | null {
    if (key === now.vkey) return statement('key_revoked revokes the active key: it must be rotated first');
    const index = known.findIndex((other) => other.key.vkey === key);
    const found = known[index];
    if (!found) return statement('key_revoked revokes a key that was never active');
    if (found.revoked) return statement(`key_revoked revokes ${found.key.id}, which is revoked already`);
    const fault = signatureFault(entry, [now]);
    if (fault) return fault;
    known[index] = { ...found, revoked: { index: taken, at, reason } };
    return null;
  }

  function judge(entry: LogEntry): Fault | null {
    if (entry.kind === 'key_added') return takeAdded(entry, entry);
    const now = active();
    if (!now) return statement(`the log begins with ${entry.kind}: its first entry must be key_added`);
    if (entry.kind === 'key_rotated') return takeRotated(entry, entry, now);
    if (entry.kind === 'key_revoked') return takeRevoked(entry, entry, now);
    return entry.kind === 'erasure' ? signerFault(entry, now) : null;
  }

  /** An erasure that another key than the active one signed. */
  function signerFault(entry: LogEntry, now: VerifierKey): Fault | null {
    if (!('signatures' in entry)) return null;
    const signer = entry.signatures[0]?.key;
    if (signer === now.id) return signatureFault(entry, [now]);
    const other = known.find(({ key }) => key.id === signer);
    if (!other) return faultOf('unknown_key', `${entry.kind} is signed by a key that the log does not have`);
    return signatureFault(entry, [other.key]) ?? pastFault(other, taken);
  }

  function checkNote(note: Note, size: number): Fault | null {
    const now = activeAt(size);
    const signers = known.filter(({ key }) => signaturesOf(note, key).length > 0);
    const bad = signers.find(({ key }) => !isSignedBy(note, key));
    if (bad) return faultOf('bad_signature', `the signature of ${bad.key.id} is not one of this text`);
    if (signers.some(({ key }) => key === now)) return null;
    const other = signers[0];
    if (!other) return faultOf('unknown_key', 'it is signed by none of the keys of the log');
    if (other.from >= size)
      return faultOf('unknown_key', `${other.key.id} signs only what holds the entry ${other.from}, which added it`);
    return pastFault(other, size);
  }

  return {
    size: () => taken,
    take(entry) {
      const fault = entry && judge(entry);
      taken += 1;
      return fault;
    },
    active,
    activeAt,
    keys: () => known.slice(),
    checkNote,
  };
}

/** Why a key that was active once may not sign what comes after the first `size` entries. */
function pastFault({ key, until, revoked }: KnownKey, size: number): Fault {
  if (revoked && revoked.index < size)
    return faultOf('revoked_key', `${key.id} was revoked by the entry ${revoked.index}`);
  return faultOf('expired_key', `${key.id} was rotated away by the entry ${until}`);
}

/** Whether an entry has just the signatures of these keys, in their order, and they are good. */
function signatureFault(entry: LogEntry, keys: readonly VerifierKey[]): Fault | null {
  const signers = 'signatures' in entry ? entry.signatures.map(({ key }) => key) : [];
  const wanted = keys.map(({ id }) => id);
  if (signers.length !== wanted.length || wanted.some((id, index) => id !== signers[index]))
    return faultOf('bad_entry_signature', `${entry.kind} must be signed by ${wanted.join(' and ')}, in this order`);
  const bad = keys.find((key) => !entrySignedBy(entry, key));
  return bad ? faultOf('bad_entry_signature', `the signature of ${bad.id} is not one of this ${entry.kind}`) : null;
}

/** A statement's key; null when it is no verifier key of a log. Nothing of it may get into a message before. */
function keyOf(vkey: string): VerifierKey | null {
  try {
    const key = parseVkey(vkey);
    return ORIGIN.test(key.name) ? key : null;
  } catch (thrown) {
    if (thrown instanceof AegrailError) return null;
    throw thrown;
  }
}

function statement(why: string): Fault {
  return faultOf('bad_key_statement', why);
}

/** The entries of a log that are about keys. */
export function isKeyEntry(entry: LogEntry): entry is KeyEntry {
  return entry.kind === 'key_added' || entry.kind === 'key_rotated' || entry.kind === 'key_revoked';
}
