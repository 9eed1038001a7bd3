import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { MAX_LINE_BYTES, readLines } from '../../src/audit/lines.ts';
import { type Verification, verifyLog, type VerifyOptions } from '../../src/audit/verify.ts';
import { chainRecord, GENESIS_HASH } from '../../src/core/chain.ts';
import { type Fault, faultOf } from '../../src/core/faults.ts';
import type { AuditRecord } from '../../src/core/record.ts';
import { sampleLines, sampleSession, sha256 } from '../suites/sample-session.ts';

const lines = sampleLines(sampleSession('s1', 2));
const others = sampleLines(sampleSession('s2', 1));

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'aegrail-verify-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

async function verifyBytes(bytes: string | Uint8Array, options?: VerifyOptions): Promise<Verification> {
  const path = join(folder, 'log.jsonl');
  writeFileSync(path, bytes);
  return await verifyLog(readLines(path), options);
}

/** A log whose links are right, of records that need not be. */
function forgedLog(records: readonly object[]): readonly string[] {
  return sampleLines(records as readonly AuditRecord[]);
}

function fileOf(log: readonly string[]): string {
  return log.map((line) => `${line}\n`).join('');
}

describe('a log that is right', () => {
  test('verifies, and says what it holds', async () => {
    expect(await verifyBytes(fileOf(lines))).toEqual({
      ok: true,
      sessions: [{ sessionId: 's1', records: 6, head: JSON.parse(lines[5]!).hash, ended: true }],
      records: 6,
      unknown: 0,
    });
  });

  test('may hold several sessions, interleaved in any way', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.boolean(), { minLength: 20, maxLength: 20 }), async (turns) => {
        const queues = [[...lines], [...others]];
        const mixed = turns.flatMap((turn) => queues[turn ? 1 : 0]!.shift() ?? []);
        mixed.push(...queues.flat());
        expect(await verifyLog(mixed)).toMatchObject({ ok: true, records: 10 });
      }),
      { numRuns: 30 },
    );
  });

  test('may end before its session did, and says so', async () => {
    const result = await verifyLog(lines.slice(0, 3));
    expect(result).toMatchObject({ ok: true, sessions: [{ records: 3, ended: false }] });
  });

  test('may hold events and versions of a newer release: their chain counts, and they are said to be unknown', async () => {
    const [start, ...rest] = sampleSession('s1', 0);
    const newer = [
      start!,
      { ...start!, seq: 1, event: 'child_started', payload: { anything: 1 } },
      { ...start!, seq: 2, v: 2, more: true, event: 'x', budget: null },
    ];
    expect(await verifyLog(forgedLog(newer))).toMatchObject({ ok: true, records: 3, unknown: 2 });
    expect(rest).toHaveLength(1);
  });

  test('longer than a block of reading, with letters cut by its ends', async () => {
    const long = sampleLines(sampleSession('s1', 2000));
    expect(fileOf(long).length).toBeGreaterThan(3 * 1024 * 1024);
    expect(await verifyBytes(fileOf(long))).toMatchObject({ ok: true, records: 4002 });
  });
});

describe('a log that is wrong', () => {
  test.each<readonly [string, string | Buffer, number, RegExp]>([
    ['nothing', '', 1, /no record/],
    ['a missing middle', fileOf([...lines.slice(0, 2), ...lines.slice(3)]), 3, /^record 2 is missing before this one$/],
    ['a missing start', fileOf(lines.slice(2)), 1, /^records 0 to 1 are missing/],
    ['a line twice', fileOf([...lines.slice(0, 2), ...lines.slice(1)]), 3, /^record 1 where 2 comes next/],
    ['two lines swapped', fileOf([lines[0]!, lines[2]!, lines[1]!, ...lines.slice(3)]), 2, /^record 1 is missing/],
    ['a line of another session, taken over', fileOf([lines[0]!, others[1]!]), 2, /^record 0 is missing/],
    ['the same log again', fileOf([...lines, ...lines]), 7, /^record 0 where 6 comes next/],
    ['CRLF', fileOf(lines).replaceAll('\n', '\r\n'), 1, /CRLF/],
    ['CRLF once', fileOf(lines.slice(0, 3)) + `${lines[3]!}\r\n`, 4, /CRLF/],
    ['an empty line', fileOf([lines[0]!, '', ...lines.slice(1)]), 2, /^an empty line$/],
    ['an empty last line', `${fileOf(lines)}\n`, 7, /^an empty line$/],
    ['no last newline', fileOf(lines).slice(0, -1), 6, /no newline at its end/],
    ['a cut last line', fileOf(lines).slice(0, -100), 6, /no newline at its end/],
    ['a byte order mark', `\ufeff${fileOf(lines)}`, 1, /not a JSON object/],
    [
      'bytes that are not UTF-8',
      Buffer.concat([Buffer.from(fileOf(lines.slice(0, 2))), Buffer.from([0x22, 0xff, 0x22, 0x0a])]),
      3,
      /not UTF-8/,
    ],
    ['UTF-16', Buffer.from(fileOf(lines), 'utf16le'), 1, /UTF-8|JSON/],
    ['zeros', Buffer.alloc(100), 1, /no newline/],
    ['text', 'hello\n', 1, /not a JSON object/],
    ['an HTML page', '<html>\n</html>\n', 1, /not a JSON object/],
  ])('%s', async (_, bytes, line, why) => {
    const result = await verifyBytes(bytes);
    expect(result).toMatchObject({ ok: false, line });
    expect(result.ok ? '' : result.why).toMatch(why);
  });

  test('a huge line is refused by name, without being kept', async () => {
    const huge = Buffer.alloc(100 * 1024 * 1024, 'x');
    const result = await verifyBytes(Buffer.concat([Buffer.from(fileOf(lines.slice(0, 1))), huge, Buffer.from('\n')]));
    expect(result).toEqual({ ok: false, line: 2, fault: 'too_long', why: 'longer than 16 MB' });
    const just = Buffer.alloc(MAX_LINE_BYTES, 'x');
    expect(await verifyBytes(Buffer.concat([just, Buffer.from('\n')]))).toMatchObject({
      line: 1,
      why: 'not a JSON object',
    });
    expect(await verifyBytes(Buffer.concat([just, Buffer.from('x\n')]))).toMatchObject({
      line: 1,
      why: 'longer than 16 MB',
    });
  });

  test('a change names line and reason', async () => {
    const changed = [...lines];
    changed[3] = changed[3]!.replace('"usd_used":0.000370371', '"usd_used":0.000370370');
    expect(changed[3]).not.toBe(lines[3]);
    expect(await verifyLog(changed)).toEqual({
      ok: false,
      line: 4,
      fault: 'hash_mismatch',
      why: 'the hash is not that of the line: it was changed',
    });
  });

  test('a changed line with a hash of its own breaks the next link', async () => {
    const records = sampleSession('s1', 2);
    const called = records[2]!;
    const slower = { ...called, payload: { ...called.payload, elapsed_ms: 13 } } as AuditRecord;
    const forged = chainRecord(slower, JSON.parse(lines[1]!).hash, sha256);
    const result = await verifyLog([...lines.slice(0, 2), forged.line, ...lines.slice(3)]);
    expect(result).toEqual({
      ok: false,
      line: 4,
      fault: 'prev_hash_mismatch',
      why: 'prev_hash is not the hash of the record before it',
      sessionId: 's1',
    });
  });

  test('a file that is not there is an error of the file system', async () => {
    await expect(verifyLog(readLines(join(folder, 'none.jsonl')))).rejects.toThrow(/ENOENT/);
  });

  test('one session may be asked for', async () => {
    expect(await verifyLog(lines, { expectSession: 's1' })).toMatchObject({ ok: true });
    expect(await verifyLog([...lines, ...others], { expectSession: 's1' })).toEqual({
      ok: false,
      line: 7,
      fault: 'other_session',
      why: 'a record of another session',
      sessionId: 's2',
    });
  });
});

describe('records whose links are right', () => {
  const [start, admitted, called, end] = sampleSession('s1', 1);

  test.each<readonly [string, readonly object[], number, string]>([
    ['no start', [{ ...admitted!, seq: 0 }], 1, 'the first record is not session_started'],
    ['a second start', [start!, { ...start!, seq: 1 }], 2, 'session_started again'],
    [
      'more after the end',
      [start!, admitted!, called!, end!, { ...admitted!, seq: 4 }],
      5,
      "a record after the session's end, and no session_reset",
    ],
    [
      'a wrong count at the end',
      [start!, { ...end!, seq: 1 }],
      2,
      'session_ended counts another number of records than there are',
    ],
    ['a missing member', [without(start!, 'principal')], 1, 'principal is missing'],
    ['an extra member', [{ ...start!, 'no\u001bte': 1 }], 1, '"no\\u001bte" is not a member that belongs here'],
    ['no version', [without(start!, 'v')], 1, 'v is not a version: a whole number from 1'],
    ['version 0', [{ ...start!, v: 0 }], 1, 'v is not a version: a whole number from 1'],
    ['no event', [without(start!, 'event')], 1, 'event is not text'],
    [
      'a time without a zone',
      [{ ...start!, ts: '2026-01-01T00:00:00' }],
      1,
      'ts is not a time such as 2026-01-31T12:00:00.000Z',
    ],
    [
      'a time that is none',
      [{ ...start!, ts: '2026-13-01T00:00:00.000Z' }],
      1,
      'ts is not a time such as 2026-01-31T12:00:00.000Z',
    ],
    [
      'a negative amount',
      [{ ...start!, budget: { ...start!.budget, usd_used: -1 } }],
      1,
      'budget.usd_used is not a number from 0',
    ],
    [
      'a huge number',
      [{ ...start!, budget: { ...start!.budget, tokens_used: 1e300 } }],
      1,
      'budget.tokens_used is not a whole number from 0',
    ],
    ['a payload that is none', [{ ...start!, payload: [] }], 1, 'payload is not an object'],
    [
      'an extra member in a payload',
      [start!, { ...admitted!, payload: { ...admitted!.payload, more: 1 } }],
      2,
      'payload."more" is not a member that belongs here',
    ],
    [
      'a missing member in a payload',
      [start!, { ...admitted!, payload: without(admitted!.payload, 'digest') }],
      2,
      'payload.digest is missing',
    ],
    [
      'a wrong amount deep in a payload',
      [
        start!,
        { ...admitted!, payload: { ...admitted!.payload, reserved: { usd_nano: 0.5, tokens: 0, tool_calls: 1 } } },
      ],
      2,
      'payload.reserved.usd_nano is not a whole number from 0',
    ],
    [
      'a wrong list',
      [{ ...start!, payload: { ...start!.payload, tools: ['a', 1] } }],
      1,
      'payload.tools[1] is not text',
    ],
    [
      'an outcome that is none',
      [start!, { ...called!, seq: 1, payload: { ...called!.payload, outcome: 'fine' } }],
      2,
      'payload.outcome is not one of ok, error, not_started, unknown, cancelled, abandoned',
    ],
    [
      'another user',
      [start!, { ...admitted!, invoking_user: 'eve@acme.com' }],
      2,
      'invoking_user is not that of the records before it',
    ],
    [
      'a time that goes back',
      [start!, admitted!, { ...called!, ts: start!.ts }],
      3,
      'ts is before that of the record before it',
    ],
    [
      'a workflow that is not the session',
      [{ ...start!, payload: { ...start!.payload, workflow_id: 's2' } }],
      1,
      'workflow_id is not session_id',
    ],
  ])('%s', async (_, records, line, why) => {
    expect(await verifyLog(forgedLog(records))).toMatchObject({ ok: false, line, why });
  });

  test('of a newer version are not compared with the others; those after them are', async () => {
    const newer = { ...admitted!, v: 2, invoking_user: null, principal: 'x', ts: 'later' };
    const unknown = { ...called!, event: 'child_started' };
    expect(await verifyLog(forgedLog([start!, newer, unknown]))).toMatchObject({ ok: true, unknown: 2 });
    const other = { ...unknown, agent_identity: 'support-bot/v2' };
    expect(await verifyLog(forgedLog([start!, newer, other]))).toMatchObject({ line: 3, fault: 'other_identity' });
    const back = { ...unknown, ts: '2026-01-01T00:00:00.000Z' };
    expect(await verifyLog(forgedLog([start!, newer, back]))).toMatchObject({ line: 3, fault: 'time_went_back' });
  });

  test('are handed to a check of the session, in order, with what is known of them', async () => {
    const seen: string[] = [];
    const checkRecord = (sessionId: string) => {
      let count = 0;
      return (record: AuditRecord, known: boolean): Fault | null => {
        seen.push(`${sessionId} ${count++} ${record.event} ${known}`);
        return record.event === 'tool_call' ? faultOf('wrong_budget', 'the ledger says otherwise') : null;
      };
    };
    const mixed = [others[0]!, ...lines];
    expect(await verifyLog(mixed, { checkRecord })).toEqual({
      ok: false,
      line: 4,
      fault: 'wrong_budget',
      why: 'the ledger says otherwise',
      sessionId: 's1',
    });
    expect(seen).toEqual([
      's2 0 session_started true',
      's1 0 session_started true',
      's1 1 tool_admitted true',
      's1 2 tool_call true',
    ]);
  });
});

test('a first record with another prev_hash is refused', async () => {
  const { line } = chainRecord(sampleSession('s1', 0)[0]!, GENESIS_HASH.replace('0', '1'), sha256);
  expect(await verifyLog([line])).toMatchObject({
    ok: false,
    line: 1,
    why: 'prev_hash is not the hash of the record before it',
  });
});

function without(value: object, key: string): object {
  return Object.fromEntries(Object.entries(value).filter(([name]) => name !== key));
}
