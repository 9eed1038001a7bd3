import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Check } from '../../src/audit/checks.ts';
import { PAYLOADS, RECORD_SHAPE } from '../../src/audit/shape.ts';
import { isCanonicalText } from '../../src/core/canonical-text.ts';
import { canonicalJson } from '../../src/core/canonical.ts';
import { readLine } from '../../src/core/chain.ts';
import type { FaultName } from '../../src/core/faults.ts';
import { audit, type BundleVector, memorySource, rowOf } from '../vectors/bundles.ts';
import { WRITTEN_TEXTS } from '../vectors/canonical.ts';
import { makeVectors, type Vector, verify } from '../vectors/make.ts';
import { sha256 } from '../vectors/play.ts';

const FOLDER = join(import.meta.dirname, '../vectors');
const SPECIFICATION = readFileSync(join(import.meta.dirname, '../../docs/AUDIT.md'), 'utf8');

const index = JSON.parse(read('vectors.json').toString()) as readonly Vector[];
const bundles = JSON.parse(read('bundles.json').toString()) as readonly BundleVector[];

function read(file: string): Buffer {
  return readFileSync(join(FOLDER, file));
}

describe('the vectors', () => {
  test('are what make.ts makes of the code as it is, byte for byte', async () => {
    const made = await makeVectors();
    const stored = ['valid', 'invalid', 'bundles'].flatMap((part) => filesBelow(part));
    expect([...stored, 'bundles.json', 'canonical.json', 'vectors.json'].sort()).toEqual([...made.keys()].sort());
    for (const [file, bytes] of made)
      expect(bytes.equals(read(file)), `${file}: run node test/vectors/make.ts`).toBe(true);
  });

  test.each(index)('$file', async ({ file, ...expected }) => {
    const found = await verify(read(file));
    expect(found.ok).toBe(expected.ok);
    if (expected.ok) {
      const sessions = expected.sessions.map((session) => {
        const { session_id: sessionId, ...rest } = session as { session_id: string };
        return { sessionId, ...rest };
      });
      expect(found).toEqual({ ...expected, sessions });
    } else {
      expect(found).toMatchObject({ line: expected.line, fault: expected.fault, why: expected.why });
    }
  });

  test('a hash is the same by the bytes as written and by the value read, written and hashed', () => {
    const lines = index.filter(({ ok }) => ok).flatMap(({ file }) => read(file).toString().trimEnd().split('\n'));
    expect(lines.length).toBeGreaterThan(50);
    for (const line of lines) {
      const { hash, ...rest } = JSON.parse(line) as { hash: string };
      expect(sha256(canonicalJson(rest))).toBe(hash);
      expect(readLine(line, sha256)).toMatchObject({ ok: true, hash });
    }
  });
});

describe('the vectors of bundles', () => {
  test.each(bundles)('$bundle', async ({ bundle, base, without, keys, witnesses, checkpoint, ...expected }) => {
    const files = new Map<string, Buffer>();
    for (const folder of [base, bundle].filter((folder) => folder !== null))
      for (const path of filesBelow(folder)) files.set(path.slice(folder.length + 1), read(path));
    for (const name of without) files.delete(name);
    const kept = checkpoint === null ? null : read(checkpoint).toString();
    const found = rowOf(await audit(memorySource(files), { keys, witnesses, kept }, checkpoint));
    expect(found).toEqual(expected);
  });

  test('show each fault that a bundle can have', () => {
    const shown = new Set(bundles.flatMap(({ findings }) => findings.map(({ fault }) => fault)));
    const missing = Object.entries(SHOWN_BY).filter(([fault, by]) => by === 'bundle' && !shown.has(fault as FaultName));
    expect(missing).toEqual([]);
  });

  test('show all statuses of the verdicts that can be given without a history', () => {
    for (const verdict of ['integrity', 'completeness', 'authenticity', 'ledger'] as const) {
      const statuses = new Set(bundles.map(({ verdicts }) => verdicts[verdict]));
      expect([...statuses].sort(), verdict).toEqual(['bad', 'good', 'unchecked']);
    }
  });
});

describe('the vectors of the canonical form', () => {
  const { canonical, texts } = JSON.parse(read('canonical.json').toString()) as {
    canonical: { name: string; input: string; canonical: string; sha256: string }[];
    texts: { text: string; canonical: boolean }[];
  };

  test.each(canonical)('$name', ({ input, canonical: form, sha256: hash }) => {
    expect(canonicalJson(JSON.parse(input))).toBe(form);
    expect(sha256(form)).toBe(hash);
    expect(isCanonicalText(form, 128)).toBe(true);
    expect(isCanonicalText(input, 128)).toBe(input === form);
  });

  test('what is canonical is what was written down by hand, and what the check of the text says', () => {
    expect(texts.map(({ text, canonical: is }) => [text, is])).toEqual(WRITTEN_TEXTS);
    for (const { text, canonical: is } of texts) expect(isCanonicalText(text, 128), text).toBe(is);
  });
});

describe('docs/AUDIT.md', () => {
  test('lists the members of a record and of every event as the code checks them', () => {
    expect(tables()).toEqual(shapes());
  });

  test('names the faults that the vectors have, and no others', () => {
    const told = Array.from(section('Faults').matchAll(/^\| `(\w+)` +\|/gm), ([, name]) => name!);
    const shown = new Set(index.flatMap((vector) => (vector.ok ? [] : [vector.fault])));
    // 16 MiB are no small file: python.test.ts has that one.
    expect(told.filter((name) => name !== 'too_long').sort()).toEqual([...shown].sort());
    expect(told).toContain('too_long');
  });

  test('names all other faults with their verdicts', () => {
    const matches = section('Verdicts and their faults').matchAll(/^\| `(\w+)` +\| `(\w+)` +\|/gm);
    const rows = Array.from(matches, ([, fault, verdict]) => ({ fault: fault!, verdict: verdict! }));
    const named = Object.entries(SHOWN_BY).filter(([fault, by]) => by === 'bundle' || fault.startsWith('history_'));
    expect(rows.map(({ fault }) => fault).sort()).toEqual(named.map(([fault]) => fault).sort());
    for (const { bundle, verdicts, findings } of bundles) {
      const bad = Object.entries(verdicts).filter(([, status]) => status === 'bad');
      const told = rows.filter(({ fault }) => findings.some((finding) => finding.fault === fault));
      const names = bad.map(([name]) => name);
      expect(names, bundle).toEqual(expect.arrayContaining(told.map(({ verdict }) => verdict)));
    }
  });
});

/** Which vectors show a fault: those of logs, those of bundles, or none, for it needs more than files. */
const SHOWN_BY: Readonly<Record<FaultName, 'log' | 'bundle' | 'none'>> = {
  no_records: 'log',
  // 16 MiB are no small file: python.test.ts has that one.
  too_long: 'none',
  no_newline: 'log',
  not_utf8: 'log',
  empty_line: 'log',
  crlf: 'log',
  not_json: 'log',
  no_hash: 'log',
  hash_mismatch: 'log',
  not_canonical: 'log',
  bad_link: 'log',
  other_session: 'none',
  gap: 'log',
  repeated: 'log',
  prev_hash_mismatch: 'log',
  bad_form: 'log',
  no_start: 'log',
  second_start: 'log',
  after_end: 'log',
  wrong_count: 'log',
  wrong_workflow: 'log',
  other_identity: 'log',
  time_went_back: 'log',
  wrong_run: 'log',
  event_went_back: 'log',
  wrong_deadline: 'log',
  no_reservation: 'log',
  other_call: 'log',
  over_reserved: 'log',
  still_pending: 'log',
  over_granted: 'log',
  wrong_budget: 'log',
  bad_signature: 'bundle',
  bad_entry_signature: 'bundle',
  bad_key_statement: 'bundle',
  unknown_key: 'bundle',
  expired_key: 'bundle',
  revoked_key: 'bundle',
  no_manifest: 'bundle',
  bad_manifest: 'bundle',
  missing_file: 'bundle',
  extra_file: 'bundle',
  not_a_file: 'bundle',
  file_mismatch: 'bundle',
  wrong_total: 'bundle',
  bad_entry: 'bundle',
  bad_head: 'bundle',
  entries_missing: 'bundle',
  uncovered_entry: 'bundle',
  bad_checkpoint: 'bundle',
  checkpoint_missing: 'bundle',
  previous_mismatch: 'bundle',
  wrong_root: 'bundle',
  forked: 'bundle',
  rolled_back: 'bundle',
  head_mismatch: 'bundle',
  tail_missing: 'bundle',
  session_missing: 'bundle',
  wrong_keys: 'bundle',
  no_cosignature: 'bundle',
  bad_cosignature: 'bundle',
  bad_contract: 'bundle',
  other_contract: 'bundle',
  wrong_reservation: 'bundle',
  wrong_cost: 'bundle',
  wrong_tokens: 'bundle',
  wrong_blind_post: 'bundle',
  wrong_delegation: 'bundle',
  history_differs: 'none',
  history_unreadable: 'none',
};

/** The files in a folder of the vectors, by their paths; none when there is no such folder. */
function filesBelow(folder: string): string[] {
  const root = join(FOLDER, folder);
  if (!existsSync(root)) return [];
  const entries = readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return entries.map((entry) => join(entry.parentPath, entry.name).slice(FOLDER.length + 1));
}

/** A part of the specification, from its heading to the next one. */
function section(heading: string): string {
  const [, text] = SPECIFICATION.split(new RegExp(`^#+ ${heading}\\n`, 'm'));
  if (text === undefined) throw new Error(`docs/AUDIT.md has no heading ${heading}`);
  return text.split(/^#/m, 1)[0]!;
}

/** Name, then member and form: every table under a heading that is a name in code font. */
function tables(): Record<string, Record<string, string>> {
  const headings = Array.from(SPECIFICATION.matchAll(/^#+ `(\w+)`$/gm), ([, name]) => name!);
  return Object.fromEntries(
    headings.map((name) => {
      const rows = section(`\`${name}\``).matchAll(/^\| `(\w+)`( \(optional\))? +\| ([^|]+?) +\|/gm);
      return [
        name,
        Object.fromEntries(Array.from(rows, ([, member, may, form]) => [`${member}${may ? '?' : ''}`, form!])),
      ];
    }),
  );
}

/** The same from the code. The forms that have a name are found where they are used. */
function shapes(): Record<string, Record<string, string>> {
  const found: Record<string, Record<string, string>> = {};
  const add = (name: string, members: Readonly<Record<string, Check>>): void => {
    found[name] = Object.fromEntries(
      Object.entries(members).map(([member, check]) => [`${member}${check.optional ? '?' : ''}`, check.form]),
    );
    for (const check of Object.values(members)) {
      const { form, members: inner } = check.inner ?? check;
      if (inner && /^\w+$/.test(form)) add(form, inner);
    }
  };
  add('record', RECORD_SHAPE.members!);
  for (const [event, fields] of Object.entries(PAYLOADS)) add(event, fields);
  return found;
}
