import { canonicalJson } from '../../src/core/canonical.ts';
import type { FaultName } from '../../src/core/faults.ts';
import type { AuditRecord } from '../../src/core/record.ts';
import { entryText, signEntry } from '../../src/signing/entry.ts';
import type { SigningKey } from '../../src/signing/key.ts';
import { formatNote, parseNote } from '../../src/signing/note.ts';
import { CONTRACT, CONTRACT_SHA256 } from './bundle-contract.ts';
import { FIRST, SECOND, STRANGER, WITNESS } from './bundle-keys.ts';
import { filesOf, type Files, headOf, notesOf, type Parts, rootOf, type Signing, THE_CONTRACT } from './bundle-parts.ts';
import { shopping } from './bundle-sessions.ts';
import { chained, sha256 } from './play.ts';
import { type Brought, ENTRIES, ERASURE, KEY_ADDED, KEY_ROTATED, SEVERAL, SIGNINGS, SINGLE, single, SINGLE_SIGNINGS, TRUSTING } from './valid-bundles.ts';

/** A bundle that must be refused, and for what. */
export interface InvalidBundle extends Brought {
  readonly name: string;
  readonly base: string;
  readonly files: Files;
  /** All that is wrong with it: a fault may bring others along. */
  readonly faults: readonly FaultName[];
}

const RECORDS = shopping('sess_a');
const CONTRACT_FILE = `contracts/${CONTRACT_SHA256}.json`;
const LATER = '2026-02-01T08:04:00.000Z';

/** Bundles whose files are not those that were exported. */
function wrongFiles(): InvalidBundle[] {
  const files = filesOf(SINGLE);
  const manifest = files.get('manifest.json')!.toString();
  const written = (text: string): Files => with_(files, 'manifest.json', text);
  return [
    of('no-manifest', without(files, 'manifest.json'), 'no_manifest'),
    of('manifest-changed', written(manifest.replace('08:20:00', '08:20:01')), 'bad_manifest'),
    of('manifest-not-canonical', written(manifest.replace(',"entries"', ', "entries"')), 'bad_manifest'),
    of('manifest-not-json', written(manifest.slice(1)), 'bad_manifest'),
    of('manifest-of-version-2', filesOf({ ...SINGLE, manifest: { v: 2 } }), 'bad_manifest'),
    of('manifest-names-a-path', filesOf({ ...SINGLE, manifest: { files: [{ name: '../records.jsonl', bytes: 0, sha256: sha256('') }] } }), 'bad_manifest'),
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
  const goesBack = [...SINGLE.tree!.entries, entryText(headOf(session, 3))];
  return [
    of('tail-missing', filesOf({ ...SINGLE, sessions: [session.slice(0, 6)] }), 'tail_missing'),
    several('session-missing', { ...SEVERAL, sessions: SEVERAL.sessions.slice(1) }, 'session_missing'),
    several('all-sessions-missing', { ...SEVERAL, sessions: [] }, 'session_missing', 'session_missing', 'session_missing', 'session_missing', 'no_records'),
    of('first-record-missing', filesOf({ ...SINGLE, sessions: [session.slice(1)], manifest: { records: 7 } }), 'gap'),
    of('last-record-replaced', filesOf({ ...SINGLE, sessions: [changed] }), 'head_mismatch'),
    of('log-rewritten-for-another-user', filesOf({ ...SINGLE, sessions: [rewritten] }), 'head_mismatch'),
    of('head-goes-back', treeOf(goesBack, [...SINGLE_SIGNINGS, { size: 3, time: LATER, by: FIRST }]), 'bad_head'),
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
    of('entry-changed', filesOf({ ...SINGLE, tree: { ...SINGLE.tree!, entries: changed } }), 'wrong_root'),
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
  const tree = (other: readonly string[]): Parts => ({ ...SEVERAL, tree: { ...SEVERAL.tree!, notes: other } });
  const entries = (index: number, entry: string): readonly string[] => [...ENTRIES.slice(0, index), entry, ...ENTRIES.slice(index + 1)];
  const late: readonly Signing[] = [...SIGNINGS.slice(0, 3), { ...SIGNINGS[3]!, size: 4, by: FIRST }, SIGNINGS[4]!];
  const early: readonly Signing[] = [SIGNINGS[0]!, { ...SIGNINGS[1]!, by: SECOND }, ...SIGNINGS.slice(2)];
  const witness = { witnesses: [WITNESS.verifier.vkey] };
  const { signatures: _, ...rotation } = KEY_ROTATED;
  const revoked = { v: 1, kind: 'key_revoked', at: '2026-02-01T08:09:00.000Z', key: SECOND.verifier.vkey, reason: 'no' } as const;
  const erased = (by: SigningKey): Parts => signed(entries(7, entryText(signEntry(ERASURE, [by]))), SIGNINGS);
  return [
    several('signature-damaged', tree(damaged), 'bad_signature'),
    several('signed-by-a-stranger', signed(ENTRIES, last({ by: STRANGER })), 'unknown_key'),
    several('signed-before-its-key-was-added', signed(ENTRIES, early), 'unknown_key'),
    several('signed-by-an-expired-key', signed(ENTRIES, late), 'expired_key'),
    several('signed-by-a-revoked-key', signed(ENTRIES, last({ by: FIRST })), 'revoked_key'),
    several('erasure-by-a-stranger', erased(STRANGER), 'unknown_key'),
    several('erasure-by-a-revoked-key', erased(FIRST), 'revoked_key'),
    several('erasure-changed', signed(entries(7, entryText({ ...signEntry(ERASURE, [SECOND]), blobs: 2 })), SIGNINGS), 'bad_entry_signature'),
    several('rotation-signed-by-one', signed(entries(3, entryText(signEntry(rotation, [SECOND, SECOND]))), SIGNINGS), 'bad_entry_signature', 'bad_key_statement', 'unknown_key', 'unknown_key', 'unknown_key', 'wrong_keys'),
    several('revocation-of-the-active-key', signed(entries(4, entryText(signEntry(revoked, [SECOND]))), SIGNINGS), 'bad_key_statement'),
    of('no-key-first', treeOf([...SINGLE.tree!.entries].reverse(), SINGLE_SIGNINGS), 'bad_key_statement', 'unknown_key'),
    several('no-key-is-the-auditors', SEVERAL, { keys: [STRANGER.verifier.vkey] }, 'unknown_key'),
    of('not-cosigned', filesOf(SINGLE), witness, 'no_cosignature'),
    several('cosignature-damaged', tree(badCosignature), witness, 'bad_cosignature'),
  ];
}

/** Bundles whose sessions cost other than their contract says. */
function wrongCosts(): InvalidBundle[] {
  const at = (seq: number, changed: object): readonly string[] =>
    chained(RECORDS.map((record) => (record.seq === seq ? { ...record, payload: { ...record.payload, ...changed } } : record)));
  const limits = { ...(RECORDS[0]!.payload as { limits: object }).limits };
  const posted = (RECORDS[2]!.payload as { posted: { usd_nano: number; tokens: number } }).posted;
  const usage = (RECORDS[2]!.payload as { usage: object }).usage;
  const cheaper = RECORDS.map((record) =>
    record.seq < 2 ? record : { ...record, payload: record.seq === 2 ? { ...record.payload, posted: { ...posted, usd_nano: posted.usd_nano - 1 } } : record.payload, budget: { ...record.budget, usd_used: nano(record.budget.usd_used, -1) } },
  );
  const blind = RECORDS.map((record) =>
    record.seq < 4 ? record : { ...record, payload: record.seq === 4 ? { ...record.payload, posted: { usd_nano: 0, tokens: 0, tool_calls: 0 } } : record.payload, budget: { ...record.budget, tool_calls: 0 } },
  );
  const reserving = RECORDS.map((record) =>
    record.seq === 5 ? { ...record, payload: { ...record.payload, input_bound_tokens: 3_001 } } : record,
  );
  const newer = canonicalJson({ ...CONTRACT, format: 2 });
  const named = RECORDS.map((record) => (record.seq === 0 ? { ...record, payload: { ...record.payload, contract_sha256: sha256(newer) } } : record));
  return [
    of('cost-a-nano-too-low', filesOf(single(chained(cheaper))), 'wrong_cost'),
    of('usage-that-has-no-price', filesOf(single(at(2, { usage: { ...usage, modifiers: { service_tier: 'priority' } } }))), 'wrong_cost'),
    of('usage-of-another-tier', filesOf(single(at(6, { usage: { ...(RECORDS[6]!.payload as { usage: object }).usage, input_tokens: 2_000, cache_read_tokens: 1 } }))), 'wrong_cost'),
    of('tokens-of-another-usage', filesOf(single(at(2, { usage: { ...usage, output_tokens: 91 } }))), 'wrong_tokens'),
    of('tool-call-for-nothing', filesOf(single(chained(blind))), 'wrong_blind_post'),
    of('reservation-of-another-input', filesOf(single(chained(reserving))), 'wrong_reservation'),
    of('more-granted-than-the-contract', filesOf(single(at(0, { limits: { ...limits, tokens: 20_001 } }))), 'other_contract'),
    of('tool-of-no-contract', filesOf(single(at(0, { tools: ['lookup_order', 'refund', 'wipe_disk'] }))), 'other_contract'),
    of('contract-of-a-newer-format', filesOf({ ...single(chained(named)), contracts: { [sha256(newer)]: newer } }), 'bad_contract'),
    of('contract-under-another-name', filesOf({ ...SINGLE, contracts: { ...THE_CONTRACT, [sha256('another')]: newer } }), 'bad_contract'),
  ];
}

/** All bundles that must be refused. */
export function invalidBundles(): readonly InvalidBundle[] {
  return [...wrongFiles(), ...wrongHeads(), ...wrongTrees(), ...wrongSigners(), ...wrongCosts()];
}

type Told = readonly (FaultName | Partial<Brought>)[];

function of(name: string, files: Files, ...told: Told): InvalidBundle {
  return invalid(name, 'bundles/valid/one-session', files, told);
}

function several(name: string, parts: Parts, ...told: Told): InvalidBundle {
  return invalid(name, 'bundles/valid/several', filesOf(parts), told);
}

function invalid(name: string, base: string, files: Files, told: Told): InvalidBundle {
  const faults = told.filter((item) => typeof item === 'string');
  const brought = Object.assign({}, ...told.filter((item) => typeof item === 'object')) as Partial<Brought>;
  return { name: `bundles/invalid/${name}`, base, files, faults, ...TRUSTING, ...brought };
}

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

/** Nano-USD more, of an amount in USD. */
function nano(usd: number, more: number): number {
  return (Math.round(usd * 1e9) + more) / 1e9;
}
