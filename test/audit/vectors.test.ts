import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Check } from '../../src/audit/checks.ts';
import { PAYLOADS, RECORD_SHAPE } from '../../src/audit/shape.ts';
import { isCanonicalText } from '../../src/core/canonical-text.ts';
import { canonicalJson } from '../../src/core/canonical.ts';
import { readLine } from '../../src/core/chain.ts';
import { WRITTEN_TEXTS } from '../vectors/canonical.ts';
import { makeVectors, type Vector, verify } from '../vectors/make.ts';
import { sha256 } from '../vectors/play.ts';

const FOLDER = join(import.meta.dirname, '../vectors');
const SPECIFICATION = readFileSync(join(import.meta.dirname, '../../docs/AUDIT.md'), 'utf8');

const index = JSON.parse(read('vectors.json').toString()) as readonly Vector[];

function read(file: string): Buffer {
  return readFileSync(join(FOLDER, file));
}

describe('the vectors', () => {
  test('are what make.ts makes of the code as it is, byte for byte', async () => {
    const made = await makeVectors();
    const stored = ['valid', 'invalid'].flatMap((part) =>
      readdirSync(join(FOLDER, part)).map((name) => `${part}/${name}`),
    );
    expect([...stored, 'canonical.json', 'vectors.json'].sort()).toEqual([...made.keys()].sort());
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
});

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
