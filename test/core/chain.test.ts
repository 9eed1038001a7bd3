import { describe, expect, test } from 'vitest';
import { canonicalJson } from '../../src/core/canonical.ts';
import { chainRecord, checkLine, type ExpectedLink, GENESIS_HASH, lineOf, readLine } from '../../src/core/chain.ts';
import type { AuditRecord, ChainedRecord } from '../../src/core/record.ts';
import { sha256Hex } from '../../src/core/sha256.ts';
import { sampleLines, sampleSession, sha256 } from '../suites/sample-session.ts';

const SESSION = 'sess_1';
const records = sampleSession(SESSION, 3);
const lines = sampleLines(records);
const parsed = lines.map((line) => JSON.parse(line) as ChainedRecord);

const NOT_CANONICAL = { ok: false, fault: 'not_canonical', why: 'not in canonical form (RFC 8785)' };

function expected(seq: number): ExpectedLink {
  return { seq, prevHash: parsed[seq - 1]?.hash ?? GENESIS_HASH, sessionId: SESSION };
}

/** A line as a forger would write it: any value, hashed as it should be. */
function forged(value: object): string {
  const { hash: _, ...rest } = value as { hash?: string };
  return canonicalJson({ ...rest, hash: sha256(canonicalJson(rest)) });
}

describe('chainRecord', () => {
  test('writes the canonical form of the whole record, hashed without the hash', () => {
    for (const [index, line] of lines.entries()) {
      const record = parsed[index]!;
      const { hash, ...rest } = record;
      expect(line).toBe(canonicalJson(record));
      expect(line).toBe(lineOf(record));
      expect(hash).toBe(sha256(canonicalJson(rest)));
      expect(record.prev_hash).toBe(expected(index).prevHash);
    }
  });

  test('the pure hash gives the same chain', () => {
    expect(chainRecord(records[0]!, GENESIS_HASH, sha256Hex)).toEqual(chainRecord(records[0]!, GENESIS_HASH, sha256));
  });

  test('a record that was chained before is chained anew', () => {
    expect(chainRecord(parsed[1]!, parsed[0]!.hash, sha256).line).toBe(lines[1]);
  });
});

describe('checkLine', () => {
  test('takes every line in its place', () => {
    for (const [seq, line] of lines.entries()) {
      expect(checkLine(line, expected(seq), sha256)).toEqual({
        ok: true,
        record: parsed[seq],
        hash: parsed[seq]!.hash,
      });
    }
  });

  test.each<readonly [string, string, ExpectedLink, RegExp]>([
    ['a gap', lines[2]!, expected(1), /^record 1 is missing before this one$/],
    ['a longer gap', lines[4]!, expected(1), /^records 1 to 3 are missing/],
    ['a line again', lines[1]!, expected(2), /^record 1 where 2 comes next/],
    ['another chain', lines[2]!, { ...expected(2), prevHash: GENESIS_HASH }, /^prev_hash is not/],
    ['another session', lines[2]!, { ...expected(2), sessionId: 'sess_2' }, /another session/],
    ['an empty line', '', expected(0), /^an empty line$/],
    ['CRLF', `${lines[0]}\r`, expected(0), /^ends in CRLF/],
    ['no JSON', '{', expected(0), /not a JSON object/],
    ['a list', '[]', expected(0), /not a JSON object/],
    ['no hash', '{}', expected(0), /no hash/],
    ['an upper-case hash', lines[0]!.replace(parsed[0]!.hash, parsed[0]!.hash.toUpperCase()), expected(0), /no hash/],
    ['a negative seq', forged({ ...parsed[0], seq: -1 }), expected(0), /seq is not a whole number/],
    ['a huge seq', forged({ ...parsed[0], seq: 1e300 }), expected(0), /seq is not a whole number/],
    ['no session', forged({ ...parsed[0], session_id: 7 }), expected(0), /session_id is not text/],
    ['no prev_hash', forged({ ...parsed[0], prev_hash: null }), expected(0), /prev_hash is not 64/],
  ])('refuses %s', (_, line, link, why) => {
    const result = checkLine(line, link, sha256);
    expect(result.ok ? 'ok' : result.why).toMatch(why);
  });

  test('a member before the hash can not stand in for it', () => {
    const decoy = { ...parsed[0]!, budget: { a: 1, hash: GENESIS_HASH } };
    expect(readLine(forged(decoy), sha256)).toMatchObject({ ok: false, why: 'no hash where it must be' });
  });

  test('refuses other bytes of the same record, even with their own hash', () => {
    const rest = lines[0]!.replace(/,"hash":"[0-9a-f]{64}"/, '');
    const variants = [
      rest.replace('"seq":0', '"seq": 0'),
      rest.replace('"seq":0', '"seq":0.0'),
      rest.replace('"seq":0', '"seq":1,"seq":0'),
      rest.replace('"v":1', '"v":1,"a":1'),
      rest.replace('ada', '\\u0061da'),
      rest.replace('ada', '\\ud800'),
    ];
    for (const variant of variants) {
      expect(variant).not.toBe(rest);
      const at = variant.indexOf(',"invoking_user"');
      const line = `${variant.slice(0, at)},"hash":"${sha256(variant)}"${variant.slice(at)}`;
      expect(readLine(line, sha256)).toEqual(NOT_CANONICAL);
    }
  });

  test('survives nesting that would end the stack', () => {
    const deep = '['.repeat(50_000) + ']'.repeat(50_000);
    const rest = canonicalJson({ ...records[0], prev_hash: GENESIS_HASH }).replace(
      /"payload":\{.*?\},"prev_hash"/,
      () => `"payload":${deep},"prev_hash"`,
    );
    const line = rest.replace(',"invoking_user"', `,"hash":"${sha256(rest)}","invoking_user"`);
    expect(readLine(line, sha256)).toEqual(NOT_CANONICAL);
  });

  test('every change of one character is seen', () => {
    const line = lines[1]!;
    for (let at = 0; at < line.length; at++) {
      for (const character of [' ', '0', '"', 'a', '\\', '\r', String.fromCharCode(line.charCodeAt(at) ^ 1)]) {
        if (character === line[at]) continue;
        const changed = line.slice(0, at) + character + line.slice(at + 1);
        expect(readLine(changed, sha256).ok, `${at} ${character}`).toBe(false);
      }
    }
  });
});

test('a record with an undefined member is chained as JSON has it', () => {
  const withUndefined = {
    ...records[0],
    payload: { ...records[0]!.payload, extra: undefined },
  } as unknown as AuditRecord;
  expect(chainRecord(withUndefined, GENESIS_HASH, sha256).line).toBe(lines[0]);
});
