import { entryText, signEntry } from '../../src/signing/entry.ts';
import { cosignText } from '../../src/signing/cosignature.ts';
import { formatNote, parseNote } from '../../src/signing/note.ts';
import { FIRST, SECOND, WITNESS } from './bundle-keys.ts';
import { filesOf, type Files, headOf, notesOf, type Parts, type Signing, THE_CONTRACT } from './bundle-parts.ts';
import { failing, running, shopping, stopped } from './bundle-sessions.ts';
import { chained } from './play.ts';

/** What an auditor brings along to a bundle. */
export interface Brought {
  /** Verifier keys that are trusted. */
  readonly keys: readonly string[];
  readonly witnesses: readonly string[];
  /** A signed note that was kept, or null. */
  readonly kept: string | null;
}

/** A bundle that must be accepted. */
export interface ValidBundle extends Brought {
  readonly name: string;
  /** The name of a bundle that it has most files of; null for a whole one. */
  readonly base: string | null;
  readonly files: Files;
}

/** Trusts the log's first key, and nothing else. */
export const TRUSTING: Brought = { keys: [FIRST.verifier.vkey], witnesses: [], kept: null };

const SHOPPING = chained(shopping('sess_a'));
const FAILING = chained(failing('sess_b'));
const RUNNING = chained(running('sess_c'));
const STOPPED = chained(stopped('sess_d'));

export const KEY_ADDED = signEntry({ v: 1, kind: 'key_added', at: '2026-02-01T07:59:00.000Z', key: FIRST.verifier.vkey }, [FIRST]);
export const KEY_ROTATED = signEntry(
  { v: 1, kind: 'key_rotated', at: '2026-02-01T08:07:00.000Z', from: FIRST.verifier.vkey, to: SECOND.verifier.vkey },
  [FIRST, SECOND],
);
export const KEY_REVOKED = signEntry(
  { v: 1, kind: 'key_revoked', at: '2026-02-01T08:09:00.000Z', key: FIRST.verifier.vkey, reason: 'its disk was lost' },
  [SECOND],
);
export const ERASURE = { v: 1, kind: 'erasure', at: '2026-02-01T08:15:00.000Z', session_id: 'sess_a', reason: 'Zoë asked for it', blobs: 3, bytes: 1_234 } as const;

/** Entries of the log of logs, in their order. */
export const ENTRIES = [
  KEY_ADDED,
  headOf(SHOPPING),
  headOf(RUNNING, 2),
  KEY_ROTATED,
  KEY_REVOKED,
  headOf(STOPPED),
  headOf(FAILING),
  signEntry(ERASURE, [SECOND]),
  headOf(RUNNING),
].map(entryText);

/** Before and after the rotation, and once when nothing had happened. */
export const SIGNINGS: readonly Signing[] = [
  { size: 1, time: '2026-02-01T08:00:00.000Z', by: FIRST },
  { size: 3, time: '2026-02-01T08:06:00.000Z', by: FIRST },
  { size: 3, time: '2026-02-01T08:08:00.000Z', by: FIRST },
  { size: 5, time: '2026-02-01T08:10:00.000Z', by: SECOND },
  { size: 9, time: '2026-02-01T08:16:00.000Z', by: SECOND },
];

/** Four sessions: answered, killed, running, terminated. A key that was rotated and revoked, an erasure, five checkpoints. */
export const SEVERAL: Parts = {
  query: {},
  sessions: [SHOPPING, FAILING, RUNNING, STOPPED],
  tree: { entries: ENTRIES, notes: cosigned(notesOf(ENTRIES, SIGNINGS)), keys: [FIRST, SECOND] },
  contracts: THE_CONTRACT,
};

/** The log of one session, and all else that belongs to it. */
export function single(session: readonly string[]): Parts {
  const entries = [KEY_ADDED, headOf(session)].map(entryText);
  return {
    query: { session: 'sess_a' },
    sessions: [session],
    tree: { entries, notes: notesOf(entries, SINGLE_SIGNINGS), keys: [FIRST] },
    contracts: THE_CONTRACT,
  };
}

export const SINGLE_SIGNINGS: readonly Signing[] = [
  { size: 1, time: '2026-02-01T08:00:00.000Z', by: FIRST },
  { size: 2, time: '2026-02-01T08:02:00.000Z', by: FIRST },
];

export const SINGLE = single(SHOPPING);

/** Of one session, and the entries are those of a log with more. */
const OF_ONE_USER: Parts = { ...SEVERAL, query: { user: 'bob@acme.com' }, sessions: [FAILING] };

const SINCE: Parts = {
  ...SEVERAL,
  query: { since: '2026-02-01T08:06:30.000Z' },
  sessions: [FAILING, STOPPED],
  tree: { ...SEVERAL.tree!, notes: SEVERAL.tree!.notes.slice(1) },
};

/** Records of a newer release, which only their links can be checked of. */
function newer(): Parts {
  const [start, admitted] = shopping('sess_a');
  const records = [start!, { ...admitted!, event: 'child_started', payload: { child: 'sess_x' } }, { ...admitted!, v: 2, seq: 2 }];
  return single(chained(records));
}

/** Bundles that must be accepted. */
export function validBundles(): readonly ValidBundle[] {
  const several = 'bundles/valid/several';
  const one = 'bundles/valid/one-session';
  const of = (name: string, base: string | null, parts: Parts, brought: Brought = TRUSTING): ValidBundle => ({
    name: `bundles/valid/${name}`,
    base,
    files: filesOf(parts),
    ...brought,
  });
  const all: Brought = { keys: [SECOND.verifier.vkey], witnesses: [WITNESS.verifier.vkey], kept: SEVERAL.tree!.notes[3]! };
  return [
    of('several', null, SEVERAL, all),
    of('one-session', null, SINGLE),
    of('one-user', several, OF_ONE_USER),
    of('one-of-several', several, { ...SEVERAL, query: { session: 'sess_d' }, sessions: [STOPPED] }),
    of('one-agent-until', several, { ...SEVERAL, query: { agent: 'support-bot', until: '2026-02-01T08:05:00.000Z' }, sessions: [SHOPPING, FAILING] }),
    of('since', several, SINCE),
    of('no-key-is-trusted', one, SINGLE, { ...TRUSTING, keys: [] }),
    of('no-log-of-logs', one, { ...SINGLE, tree: null }),
    of('no-contract', one, { ...SINGLE, contracts: {} }),
    of('running-without-its-entry', one, { ...SINGLE, query: {}, sessions: [...SINGLE.sessions, RUNNING] }),
    of('newer-records', one, newer()),
  ];
}

function cosigned(notes: readonly string[]): readonly string[] {
  return notes.map((note, index) => {
    const { text, signatures } = parseNote(note);
    return index % 2 === 1 ? note : formatNote(text, [...signatures, cosignText(text, WITNESS, 1_769_934_000 + index * 120)]);
  });
}
