import type { Manifest } from '../../src/audit/bundle-format.ts';
import { canonicalJson } from '../../src/core/canonical.ts';
import type { LogEntry } from '../../src/core/entry.ts';
import type { FaultName } from '../../src/core/faults.ts';
import type { AuditRecord, ChainedRecord } from '../../src/core/record.ts';
import { NO_PREVIOUS } from '../../src/signing/checkpoint.ts';
import { cosignText } from '../../src/signing/cosignature.ts';
import { entryText, signEntry } from '../../src/signing/entry.ts';
import type { SigningKey } from '../../src/signing/key.ts';
import { formatNote, parseNote, signNote } from '../../src/signing/note.ts';
import { CONTRACT_SHA256 } from './bundle-contract.ts';
import { FIRST, NAMESAKE, OTHER_LOG, SECOND, STRANGER, WITNESS } from './bundle-keys.ts';
import { filesOf, type Files, headOf, notesOf, type Parts, rootOf, type Signing } from './bundle-parts.ts';
import { shopping } from './bundle-sessions.ts';
import { type InvalidBundle, of, several } from './invalid-bundle.ts';
import { wrongCosts } from './invalid-costs.ts';
import { chained, sha256 } from './play.ts';
import { ENTRIES, ERASURE, KEY_ADDED, KEY_ROTATED, SEVERAL, SIGNINGS, SINGLE, SINGLE_SIGNINGS } from './valid-bundles.ts';

const RECORDS = shopping('sess_a');
const CONTRACT_FILE = `contracts/${CONTRACT_SHA256}.json`;
const LATER = '2026-02-01T08:04:00.000Z';

/** Bundles whose files are not those that were exported. */
function wrongFiles(): InvalidBundle[] {
  const files = filesOf(SINGLE);
  const manifest = files.get('manifest.json')!.toString();
  const listed = (JSON.parse(manifest) as Manifest).files;
  const written = (text: string): Files => with_(files, 'manifest.json', text);
  return [
    of('no-manifest', without(files, 'manifest.json'), 'no_manifest'),
    of('manifest-changed', written(manifest.replace('08:20:00', '08:20:01')), 'bad_manifest'),
    of('manifest-not-canonical', written(manifest.replace(',"entries"', ', "entries"')), 'bad_manifest'),
    of('manifest-not-json', written(manifest.slice(1)), 'bad_manifest'),
    of('manifest-of-version-2', filesOf({ ...SINGLE, manifest: { v: 2 } }), 'bad_manifest'),
    of('manifest-names-a-path', filesOf({ ...SINGLE, manifest: { files: [{ name: '../records.jsonl', bytes: 0, sha256: sha256('') }] } }), 'bad_manifest'),
    of('manifest-not-sorted', filesOf({ ...SINGLE, manifest: { files: listed.toReversed() } }), 'bad_manifest'),
    of('manifest-names-a-file-twice', filesOf({ ...SINGLE, manifest: { files: [...listed, listed.at(-1)] } }), 'bad_manifest'),
    of('manifest-without-a-file', filesOf({ ...SINGLE, manifest: { files: listed.filter(({ name }) => name !== 'keys.txt') } }), 'bad_manifest'),
    of('file-missing', without(files, 'keys.txt'), 'missing_file', 'wrong_keys'),
    of('contract-missing', without(files, CONTRACT_FILE), 'missing_file', 'bad_contract'),
    of('extra-file', with_(files, 'notes.txt', 'not of the bundle\n'), 'extra_file'),
    of('folder-in-it', with_(files, 'more/notes.txt', 'not of the bundle\n'), 'not_a_file'),
    of('contract-changed', with_(files, CONTRACT_FILE, files.get(CONTRACT_FILE)!.toString().replace('Zoë', 'Zoe')), 'file_mismatch'),
    of('record-changed', with_(files, 'records.jsonl', files.get('records.jsonl')!.toString().replace('acme.com', 'acme.org')), 'file_mismatch', 'hash_mismatch', 'other_identity'),
    of('file-cut-off', with_(files, 'entries.jsonl', files.get('entries.jsonl')!.subarray(0, -20)), 'file_mismatch', 'no_newline', 'entries_missing', 'wrong_total'),
    of('wrong-total', filesOf({ ...SINGLE, manifest: { records: 9 } }), 'wrong_total'),
    of('keys-of-another', with_(filesOf(SINGLE), 'keys.txt', `${STRANGER.verifier.vkey}\n`), 'file_mismatch', 'wrong_keys'),
    of('keys-of-more', filesOf({ ...SINGLE, tree: { ...SINGLE.tree!, keys: [FIRST, STRANGER] } }), 'wrong_keys'),
  ];
}

/** Bundles whose records are not those, or not all of those, that entries were signed for. */
function wrongHeads(): InvalidBundle[] {
  const [session] = SINGLE.sessions as [readonly string[]];
  const [start, ...others] = RECORDS as [AuditRecord, ...AuditRecord[]];
  const changed = chained([start, ...others.slice(0, -1), { ...others.at(-1)!, ts: '2026-02-01T08:00:09.000Z', budget: { ...others.at(-1)!.budget, wall_elapsed: 9 } }]);
  const rewritten = chained([start, ...others].map((record) => ({ ...record, invoking_user: 'eve@acme.com' })));
  const running = SEVERAL.sessions[2]!;
  const { hash: _hash, prev_hash, ...last } = JSON.parse(running.at(-1)!) as ChainedRecord;
  const lastChanged = chained([{ ...last, event_id: last.event_id + 1 }], prev_hash);
  const goesBack = [...SINGLE.tree!.entries, entryText(headOf(session, 3))];
  return [
    of('tail-missing', filesOf({ ...SINGLE, sessions: [session.slice(0, 6)] }), 'tail_missing'),
    several('session-missing', { ...SEVERAL, sessions: SEVERAL.sessions.slice(1) }, 'session_missing'),
    several('all-sessions-missing', { ...SEVERAL, sessions: [] }, 'session_missing', 'session_missing', 'session_missing', 'session_missing', 'no_records'),
    of('first-record-missing', filesOf({ ...SINGLE, sessions: [session.slice(1)], manifest: { records: 7 } }), 'gap'),
    several('record-of-a-head-missing', { ...SEVERAL, sessions: SEVERAL.sessions.with(2, [...running.slice(0, 2), ...running.slice(3, -1), ...lastChanged]) }, 'gap', 'head_mismatch'),
    of('last-record-replaced', filesOf({ ...SINGLE, sessions: [changed] }), 'head_mismatch'),
    of('log-rewritten-for-another-user', filesOf({ ...SINGLE, sessions: [rewritten] }), 'head_mismatch'),
    of('head-goes-back', treeOf(goesBack, [...SINGLE_SIGNINGS, { size: 3, time: LATER, by: FIRST }]), 'bad_head'),
    several('head-of-another-user', signed(ENTRIES.with(8, entryText({ ...headOf(SEVERAL.sessions[2]!), user_sha256: sha256('eve') })), SIGNINGS), 'bad_head'),
    several('head-of-another-start', signed(ENTRIES.with(8, entryText({ ...headOf(SEVERAL.sessions[2]!), started: '2026-02-01T08:05:00.001Z' })), SIGNINGS), 'bad_head'),
    several('head-of-an-earlier-time', signed(ENTRIES.with(8, entryText({ ...headOf(SEVERAL.sessions[2]!), ts: '2026-02-01T08:05:00.000Z' })), SIGNINGS), 'bad_head'),
    several('head-of-an-earlier-record', signed(ENTRIES.with(8, entryText({ ...headOf(SEVERAL.sessions[2]!), seq: 1 })), SIGNINGS), 'bad_head'),
    of('head-of-another-end', treeOf([entryText(KEY_ADDED), entryText({ ...headOf(session), ended: false })], SINGLE_SIGNINGS), 'head_mismatch'),
  ];
}

/** Bundles whose tree is not the one that was signed. */
function wrongTrees(): InvalidBundle[] {
  const { entries, notes } = SEVERAL.tree!;
  const more = entryText({ ...headOf(SEVERAL.sessions[0]!), session_id: 'sess_x' });
  const changed = SINGLE.tree!.entries.map((entry) => entry.replace('"started":"2026-02-01T08:00:00', '"started":"2026-02-01T07:00:00'));
  const unknown = [...SINGLE.tree!.entries, canonicalJson({ v: 1, kind: 'remark', at: LATER })];
  const spaced = SINGLE.tree!.entries.map((entry) => entry.replace('"seq":7', '"seq": 7'));
  const tree = (other: Partial<NonNullable<Parts['tree']>>): Parts => ({ ...SEVERAL, tree: { ...SEVERAL.tree!, ...other } });
  return [
    several('entries-missing', tree({ entries: entries.slice(0, -1) }), 'entries_missing'),
    several('entries-swapped', tree({ entries: [...entries.slice(0, 5), entries[6]!, entries[5]!, ...entries.slice(7)] }), 'wrong_root'),
    several('uncovered-entry', tree({ entries: [...entries, more] }), 'uncovered_entry', 'session_missing'),
    of('entry-changed', filesOf({ ...SINGLE, tree: { ...SINGLE.tree!, entries: changed } }), 'wrong_root', 'head_mismatch'),
    of('entry-of-an-unknown-kind', treeOf(unknown, [...SINGLE_SIGNINGS, { size: 3, time: LATER, by: FIRST }]), 'bad_entry'),
    of('entry-not-canonical', treeOf(spaced, SINGLE_SIGNINGS), 'bad_entry'),
    several('entry-before-a-rotation', signed([entries[0]!, `${entries[1]!} `, ...entries.slice(2)], [...SIGNINGS.slice(0, 3), { ...SIGNINGS[3]!, size: 4 }, SIGNINGS[4]!]), 'bad_entry'),
    several('wrong-root', signed(ENTRIES, last({ told: { root: rootOf(ENTRIES.slice(1)) } })), 'wrong_root'),
    several('root-of-fewer', signed(ENTRIES, last({ told: { root: rootOf(ENTRIES.slice(0, 8)) } })), 'wrong_root'),
    several('checkpoint-missing', tree({ notes: [...notes.slice(0, 2), ...notes.slice(3)] }), 'checkpoint_missing'),
    several('first-checkpoint-missing', tree({ notes: notes.slice(1) }), 'checkpoint_missing'),
    several('all-checkpoints-missing', tree({ notes: [] }), 'uncovered_entry'),
    several('checkpoint-twice', tree({ notes: [...notes.slice(0, 3), notes[2]!, ...notes.slice(3)] }), 'bad_checkpoint'),
    several('checkpoint-of-another-past', signed(ENTRIES, last({ told: { previous: sha256('another') } })), 'previous_mismatch'),
    several('checkpoint-of-another-log', signed(ENTRIES, last({ told: { origin: 'example.com/other' } })), 'bad_checkpoint'),
    several('checkpoint-before-the-last', signed(ENTRIES, last({ time: '2026-02-01T08:09:59.999Z' })), 'bad_checkpoint'),
    several('checkpoint-without-a-cadence', signed(ENTRIES, last({ told: { cadenceSeconds: 0 } })), 'bad_checkpoint', 'uncovered_entry'),
    ...(
      [
        ['with-another-line', (text) => `${text}remark x\n`],
        ['with-a-tab', (text) => text.replace('cadence ', 'cadence\t')],
        ['with-a-padded-size', (text) => text.replace('\n9\n', '\n09\n')],
        ['that-is-the-first-of-nothing', (text) => text.replace(/previous \w+/, `previous ${NO_PREVIOUS}`)],
      ] as const satisfies readonly (readonly [string, (text: string) => string])[]
    ).map(([name, change]) => several(`checkpoint-${name}`, tree({ notes: notes.with(4, resigned(notes[4]!, change)) }), 'bad_checkpoint', 'uncovered_entry')),
    several('checkpoint-not-a-note', tree({ notes: [...notes.slice(0, 4), parseNote(notes[4]!).text] }), 'bad_checkpoint', 'uncovered_entry'),
    several('rolled-back', signed(ENTRIES, [...SIGNINGS, { size: 5, time: '2026-02-01T08:18:00.000Z', by: SECOND }]), 'rolled_back'),
    several('kept-another-root', SEVERAL, { kept: otherLog(7, 5) }, 'forked'),
    several('kept-another-checkpoint', SEVERAL, { kept: otherLog(4, 5) }, 'forked', 'forked'),
    several('kept-more-entries', SEVERAL, { kept: otherLog(5, 10) }, 'rolled_back'),
    several('kept-of-another-log', SEVERAL, { kept: otherLog(3, 5).replace('example.com/aegrail\n', 'example.com/other\n') }, 'bad_checkpoint'),
  ];
}

/** Bundles that nobody signed who may. */
function wrongSigners(): InvalidBundle[] {
  const { notes } = SEVERAL.tree!;
  const damaged = [...notes.slice(0, 4), replaced(notes[4]!, 0)];
  const badCosignature = [...notes.slice(0, 4), replaced(notes[4]!, 1)];
  const { text, signatures } = parseNote(notes[4]!);
  const timeless = formatNote(text, [signatures[0]!, cosignText(text, WITNESS, 0)]);
  const tree = (other: readonly string[]): Parts => ({ ...SEVERAL, tree: { ...SEVERAL.tree!, notes: other } });
  const late: readonly Signing[] = [...SIGNINGS.slice(0, 3), { ...SIGNINGS[3]!, size: 4, by: FIRST }, SIGNINGS[4]!];
  const early: readonly Signing[] = [SIGNINGS[0]!, { ...SIGNINGS[1]!, by: SECOND }, ...SIGNINGS.slice(2)];
  const witness = { witnesses: [WITNESS.verifier.vkey] };
  const rotation = unsigned(KEY_ROTATED);
  const revoked = { v: 1, kind: 'key_revoked', at: '2026-02-01T08:09:00.000Z', key: SECOND.verifier.vkey, reason: 'no' } as const;
  const addition = unsigned(KEY_ADDED);
  const back = { ...rotation, from: SECOND.verifier.vkey, to: FIRST.verifier.vkey };
  const rotated = (entry: LogEntry): Parts => signed(ENTRIES.with(3, entryText(entry)), SIGNINGS);
  const erased = (by: SigningKey): Parts => signed(ENTRIES.with(7, entryText(signEntry(ERASURE, [by]))), SIGNINGS);
  return [
    several('signature-damaged', tree(damaged), 'bad_signature'),
    several('signed-by-a-stranger', signed(ENTRIES, last({ by: STRANGER })), 'unknown_key'),
    several('signed-before-its-key-was-added', signed(ENTRIES, early), 'unknown_key'),
    several('signed-by-an-expired-key', signed(ENTRIES, late), 'expired_key'),
    several('signed-by-a-revoked-key', signed(ENTRIES, last({ by: FIRST })), 'revoked_key'),
    several('erasure-by-a-stranger', erased(STRANGER), 'unknown_key'),
    several('erasure-by-a-revoked-key', erased(FIRST), 'revoked_key'),
    several('erasure-changed', signed(ENTRIES.with(7, entryText({ ...signEntry(ERASURE, [SECOND]), blobs: 2 })), SIGNINGS), 'bad_entry_signature'),
    several('rotation-signed-by-one', rotated(signEntry(rotation, [SECOND, SECOND])), 'bad_entry_signature', ...NEVER_ROTATED),
    several('rotation-signed-in-another-order', rotated(signEntry(rotation, [SECOND, FIRST])), 'bad_entry_signature', ...NEVER_ROTATED),
    several('rotation-to-another-name', rotated(signEntry({ ...rotation, to: OTHER_LOG.verifier.vkey }, [FIRST, OTHER_LOG])), 'bad_key_statement', ...NEVER_ROTATED),
    several('rotation-to-a-witness', rotated(signEntry({ ...rotation, to: NAMESAKE.verifier.vkey }, [FIRST, NAMESAKE])), 'bad_key_statement', ...NEVER_ROTATED),
    several('rotation-to-a-damaged-key', rotated(signEntry({ ...rotation, to: SECOND.verifier.vkey.replace(SECOND.verifier.hash, '00000000') }, [FIRST, SECOND])), 'bad_key_statement', ...NEVER_ROTATED),
    several('rotation-back', signed(ENTRIES.with(8, entryText(signEntry(back, [SECOND, FIRST]))), SIGNINGS), 'bad_key_statement'),
    several('a-second-first-key', signed(ENTRIES.with(8, entryText(signEntry({ ...addition, key: STRANGER.verifier.vkey }, [STRANGER]))), SIGNINGS), 'bad_key_statement'),
    several('revocation-of-the-active-key', signed(ENTRIES.with(4, entryText(signEntry(revoked, [SECOND]))), SIGNINGS), 'bad_key_statement'),
    of('no-key-first', treeOf([...SINGLE.tree!.entries].reverse(), SINGLE_SIGNINGS), 'bad_key_statement', 'unknown_key'),
    several('no-key-is-the-auditors', SEVERAL, { keys: [STRANGER.verifier.vkey] }, 'unknown_key'),
    of('not-cosigned', filesOf(SINGLE), witness, 'no_cosignature'),
    several('cosignature-damaged', tree(badCosignature), witness, 'bad_cosignature'),
    several('cosignature-without-a-time', tree([...notes.slice(0, 4), timeless]), witness, 'bad_cosignature'),
  ];
}

/** All bundles that must be refused. */
export function invalidBundles(): readonly InvalidBundle[] {
  return [...wrongFiles(), ...wrongHeads(), ...wrongTrees(), ...wrongSigners(), ...wrongCosts()];
}

/** What follows where the log's key never became another one. */
const NEVER_ROTATED: readonly FaultName[] = ['bad_key_statement', 'unknown_key', 'unknown_key', 'unknown_key', 'wrong_keys'];

/** The log of one session with other entries, whoever signs them. */
function treeOf(entries: readonly string[], signings: readonly Signing[]): Files {
  return filesOf({ ...SINGLE, tree: { entries, notes: notesOf(entries, signings), keys: [FIRST] } });
}

function signed(entries: readonly string[], signings: readonly Signing[]): Parts {
  return { ...SEVERAL, tree: { entries, notes: notesOf(entries, signings), keys: [FIRST, SECOND] } };
}

/** The checkpoints, with another last one. */
function last(changed: Partial<Signing>): readonly Signing[] {
  return SIGNINGS.map((signing, index) => (index === SIGNINGS.length - 1 ? { ...signing, ...changed } : signing));
}

/** A checkpoint that somebody kept of another log with the same name. */
function otherLog(number: number, size: number): string {
  const entries = Array.from({ length: size }, (_, index) => `another entry ${index}`);
  const signings = Array.from({ length: number + 1 }, () => ({ size, time: LATER, by: FIRST }));
  return notesOf(entries, signings)[number]!;
}

/** A statement without who signed it. */
function unsigned<E extends { readonly signatures: unknown }>(entry: E): Omit<E, 'signatures'> {
  const { signatures: _signatures, ...rest } = entry;
  return rest;
}

/** A note with another text, signed as it must be. */
function resigned(note: string, change: (text: string) => string): string {
  const text = change(parseNote(note).text);
  return formatNote(text, [signNote(text, SECOND)]);
}

/** A note in which a bit of one signature is another. */
function replaced(note: string, index: number): string {
  const { text, signatures } = parseNote(note);
  const changed = signatures.map((item, at) => {
    if (at !== index) return item;
    const signature = Uint8Array.from(item.signature);
    signature[20]! ^= 1;
    return { ...item, signature };
  });
  return formatNote(text, changed);
}

function with_(files: Files, name: string, content: string | Buffer): Files {
  return new Map([...files, [name, Buffer.from(content)]]);
}

function without(files: Files, name: string): Files {
  return new Map([...files].filter(([other]) => other !== name));
}
