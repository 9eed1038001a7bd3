import { canonicalJson } from '../../src/core/canonical.ts';
import { GENESIS_HASH } from '../../src/core/chain.ts';
import type { AuditRecord } from '../../src/core/record.ts';
import { chained, sha256 } from './play.ts';
import { answered, conversed, resetTwice, terminated } from './sessions.ts';

/** A log that must be refused: where, and by which of the faults of docs/AUDIT.md. */
export interface InvalidVector {
  readonly file: string;
  readonly line: number;
  readonly fault: string;
  readonly bytes: Buffer;
}

const records = answered('sess_a');
const lines = chained(records);
const other = chained(answered('sess_b'));

/** Logs whose bytes or order are wrong. */
function brokenFiles(): InvalidVector[] {
  const [first, second, third] = lines as [string, string, string];
  const hash = JSON.parse(second).hash as string;
  const unhashed = first.replace(/,"hash":"\w+"/, '');
  return [
    vector('empty-file', 1, 'no_records', ''),
    vector('bytes-not-utf8', 2, 'not_utf8', Buffer.concat([text([first]), Buffer.from([0x22, 0xff, 0x22, 0x0a])])),
    vector('encoded-surrogate', 1, 'not_utf8', Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22, 0x0a])),
    vector('no-last-newline', 3, 'no_newline', text([first, second, third]).subarray(0, -1)),
    vector('cut-in-a-line', 3, 'no_newline', text([first, second, third]).subarray(0, -200)),
    vector('empty-line', 2, 'empty_line', text([first, '', second])),
    vector('empty-last-line', 12, 'empty_line', text([...lines, ''])),
    vector('crlf', 1, 'crlf', text(lines.map((line) => `${line}\r`))),
    vector('byte-order-mark', 1, 'not_json', text([`\ufeff${first}`])),
    vector('not-json', 2, 'not_json', text([first, second.slice(0, -1)])),
    vector('not-an-object', 1, 'not_json', text(['[]'])),
    vector('nan', 1, 'not_json', text([first.replace('"seq":0', '"seq":NaN')])),
    vector('no-hash', 1, 'no_hash', text([unhashed])),
    vector('upper-case-hash', 2, 'no_hash', text([first, second.replace(hash, hash.toUpperCase())])),
    vector('hash-in-the-budget', 1, 'no_hash', text([forged({ ...records[0]!, budget: { a: 1, hash: GENESIS_HASH } })])),
    vector('changed-member', 3, 'hash_mismatch', text([first, second, third.replace('"tokens_used":1890', '"tokens_used":1891')])),
    vector('changed-hash', 3, 'hash_mismatch', text([first, second, withHash(third, GENESIS_HASH)])),
    vector('white-space', 2, 'hash_mismatch', text([first, second.replace('"seq":1', '"seq": 1')])),
    ...nonCanonical(unhashed),
    vector('nested-128-deep', 1, 'bad_form', text([addHash(nested(unhashed, 125))])),
    vector('missing-first', 1, 'gap', text(lines.slice(1))),
    vector('missing-middle', 4, 'gap', text([...lines.slice(0, 3), ...lines.slice(4)])),
    vector('swapped', 2, 'gap', text([first, third, second, ...lines.slice(3)])),
    vector('twice', 3, 'repeated', text([first, second, ...lines.slice(1)])),
    vector('whole-log-twice', 12, 'repeated', text([...lines, ...lines])),
    vector('wrong-genesis', 1, 'prev_hash_mismatch', text(chained(records, sha256('another past')))),
    vector('rewritten-record', 4, 'prev_hash_mismatch', text(rewritten())),
    vector('interleaved-gap', 4, 'gap', text([first, other[0]!, second, other[2]!])),
  ];
}

/** Texts that are not canonical, each hashed over its own bytes, so that only this is wrong with them. */
function nonCanonical(unhashed: string): InvalidVector[] {
  const variants: readonly (readonly [string, string])[] = [
    ['hashed-white-space', unhashed.replace('"seq":0', '"seq": 0')],
    ['fraction-of-nothing', unhashed.replace('"seq":0', '"seq":0.0')],
    ['minus-zero', unhashed.replace('"seq":0', '"seq":-0')],
    ['beyond-2-to-53', unhashed.replace('"tokens":20000', '"tokens":9007199254740993')],
    ['member-twice', unhashed.replace('"seq":0', '"seq":1,"seq":0')],
    ['members-out-of-order', unhashed.replace(/,"v":1\}$/, '}').replace('{', '{"v":1,')],
    ['needless-escape', unhashed.replace('acme', '\\u0061cme')],
    ['lone-surrogate', unhashed.replace('acme', '\\ud800')],
    ['nested-20000-deep', nested(unhashed, 20_000)],
    ['nested-129-deep', nested(unhashed, 126)],
  ];
  return variants.map(([name, line]) => {
    if (line === unhashed) throw new Error(`${name} changes nothing`);
    return vector(name, 1, 'not_canonical', text([addHash(line)]));
  });
}

/** Logs whose bytes and links are right, and whose records are not. */
function wrongRecords(): InvalidVector[] {
  const [start, admitted, called, ...rest] = records as [AuditRecord, AuditRecord, AuditRecord, ...AuditRecord[]];
  const end = records.at(-1)!;
  const wrong = (name: string, line: number, fault: string, log: readonly object[]): InvalidVector =>
    vector(name, line, fault, text(chained(log)));
  const earlier = { ts: '2026-01-31T11:59:59.999Z', budget: { ...admitted.budget, wall_elapsed: 0 } };
  const limits = (changed: object): object => payload(start, { limits: { ...payloadOf(start)['limits'] as object, ...changed } });
  return [
    wrong('session-id-not-text', 1, 'bad_link', [{ ...start, session_id: 7 }]),
    wrong('seq-negative', 1, 'bad_link', [{ ...start, seq: -1 }]),
    wrong('seq-fraction', 1, 'bad_link', [{ ...start, seq: 0.5 }]),
    vector('prev-hash-null', 1, 'bad_link', text([forged({ ...start, prev_hash: null })])),
    wrong('version-0', 1, 'bad_form', [{ ...start, v: 0 }]),
    wrong('member-missing', 1, 'bad_form', [{ ...start, principal: undefined }]),
    wrong('member-extra', 2, 'bad_form', [start, { ...admitted, zone: 'eu' }]),
    wrong('member-extra-in-payload', 2, 'bad_form', [start, payload(admitted, { more: 1 })]),
    wrong('member-missing-in-payload', 2, 'bad_form', [start, payload(admitted, { digest: undefined })]),
    wrong('outcome-unheard-of', 3, 'bad_form', [start, admitted, payload(called, { outcome: 'fine' })]),
    wrong('negative-amount', 2, 'bad_form', [start, payload(admitted, { reserved: { usd_nano: -1, tokens: 0, tool_calls: 0 } })]),
    wrong('count-too-large', 2, 'bad_form', [start, payload(admitted, { until_ms: 2 ** 53 })]),
    wrong('day-not-in-calendar', 1, 'bad_form', [{ ...start, ts: '2026-02-30T12:00:00.000Z' }]),
    wrong('usd-finer-than-nano', 1, 'bad_form', [limits({ usd: 0.0123456789012 })]),
    wrong('usd-too-large', 1, 'bad_form', [limits({ usd: 9_007_200 })]),
    wrong('flag-as-number', 1, 'bad_form', [payload(start, { fail_on_kill: 0 })]),
    wrong('count-as-flag', 1, 'bad_form', [payload(start, { recursion_depth: false })]),
    wrong('no-start', 1, 'no_start', [{ ...admitted, seq: 0 }]),
    wrong('second-start', 2, 'second_start', [start, { ...start, seq: 1 }]),
    wrong('after-the-end', 12, 'after_end', [...records, { ...admitted, seq: 11 }]),
    wrong('wrong-count', 2, 'wrong_count', [start, { ...end, seq: 1 }]),
    wrong('seconds-finer-than-ms', 1, 'bad_form', [limits({ wall_seconds: 0.0005 })]),
    wrong('workflow-of-another', 1, 'wrong_workflow', [payload(start, { workflow_id: 'sess_b' })]),
    wrong('user-of-another', 3, 'other_identity', [start, admitted, { ...called, invoking_user: 'eve@acme.com' }]),
    wrong('agent-of-another', 2, 'other_identity', [start, { ...admitted, agent_identity: 'support-bot/v2' }]),
    wrong('principal-of-another', 2, 'other_identity', [start, { ...admitted, principal: `${start.principal}0` }]),
    wrong('time-before-the-start', 2, 'time_went_back', [start, { ...admitted, ...earlier }]),
    wrong('time-before-the-last', 3, 'time_went_back', [start, admitted, { ...called, ts: start.ts }]),
    wrong('deadline-of-another', 2, 'wrong_deadline', [start, payload(admitted, { until_ms: Date.parse(start.ts) + 600_001 })]),
    wrong('end-recorded-twice', 4, 'no_reservation', [start, admitted, called, { ...called, seq: 3 }]),
    wrong('end-of-another-model', 3, 'other_call', [start, admitted, payload(called, { model: 'openai/gpt-5.4' })]),
    wrong('end-of-another-tool', 7, 'other_call', [...records.slice(0, 6), payload(records[6]!, { tool: 'refund' })]),
    wrong('end-of-another-call', 7, 'other_call', [...records.slice(0, 6), payload(records[6]!, { call_id: 'call_1' })]),
    wrong('model-ends-a-tool', 7, 'other_call', [...records.slice(0, 6), { ...payload(called, { reservation: 4 }), ts: records[6]!.ts, event_id: records[6]!.event_id, seq: 6 }]),
    wrong('tool-ends-a-model', 3, 'other_call', [start, admitted, { ...payload(records[6]!, { reservation: 1 }), seq: 2 }]),
    wrong('ends-with-a-call-pending', 3, 'still_pending', [
      start,
      admitted,
      { ...payload(end, { records: 3 }), seq: 2, budget: admitted.budget },
    ]),
    wrong('call-without-admission', 2, 'no_reservation', [start, { ...called, seq: 1 }]),
    wrong('posted-above-reserved', 3, 'over_reserved', [
      start,
      admitted,
      payload(called, { posted: { usd_nano: 4_500_002, tokens: 1_890, tool_calls: 0 } }),
    ]),
    wrong('overspent', 2, 'over_granted', [
      start,
      payload(admitted, { reserved: { usd_nano: 50_000_001, tokens: 1, tool_calls: 0 } }),
    ]),
    wrong('unlimited-overflow', 3, 'over_granted', [
      limits({ usd: null }),
      { ...payload(admitted, { reserved: HUGE }), budget: { ...admitted.budget, ...HUGE_RESERVED } },
      payload({ ...admitted, seq: 2 }, { reserved: { ...HUGE, usd_nano: 1 } }),
    ]),
    wrong('budget-of-another', 2, 'wrong_budget', [start, { ...admitted, budget: start.budget }]),
    wrong('budget-off-by-a-nano', 3, 'wrong_budget', [
      start,
      admitted,
      { ...called, budget: { ...called.budget, usd_used: 0.001234568 } },
      ...rest,
    ]),
    wrong('wall-clock-off', 2, 'wrong_budget', [start, { ...admitted, budget: { ...admitted.budget, wall_elapsed: 0.004 } }]),
  ];
}

const HUGE = { usd_nano: Number.MAX_SAFE_INTEGER, tokens: 0, tool_calls: 0 };
const HUGE_RESERVED = { tokens_reserved: 0, usd_reserved: 9007199.254740991 };

/** Logs in which a run of the workflow, its reset or its end from outside is not as it must be. */
function wrongRuns(): InvalidVector[] {
  const log = resetTwice('sess_r');
  const closed = terminated('sess_t');
  const talk = conversed('sess_c');
  const [start, admitted] = log as [AuditRecord, AuditRecord];
  const last = closed.at(-1)!;
  const at = (name: string, seq: number, fault: string, changed: object, of = log): InvalidVector =>
    vector(name, seq + 1, fault, text(chained([...of.slice(0, seq), changed])));
  const run = { run_id: start.run_id };
  return [
    at('run-id-missing', 1, 'bad_form', { ...admitted, run_id: undefined }),
    at('event-id-as-text', 1, 'bad_form', { ...admitted, event_id: '4' }),
    at('run-id-in-the-start', 0, 'bad_form', payload(start, run)),
    at('authorization-missing', 0, 'bad_form', payload(start, { authorization: undefined })),
    at('run-of-another', 2, 'wrong_run', { ...log[2], run_id: log[4]!.run_id }),
    at('run-of-another-after-a-reset', 5, 'wrong_run', { ...log[5], ...run }),
    at('reset-from-another-run', 4, 'wrong_run', payload(log[4]!, { from_run_id: log[9]!.run_id })),
    at('reset-to-another-run', 4, 'wrong_run', payload(log[4]!, { to_run_id: log[9]!.run_id })),
    at('reset-by-the-old-run', 4, 'wrong_run', { ...log[4], ...run }),
    at('reset-to-the-same-run', 4, 'wrong_run', { ...payload(log[4]!, { to_run_id: start.run_id }), ...run }),
    at('reset-at-no-record', 4, 'bad_form', payload(log[4]!, { at_seq: null })),
    at('event-before-the-last', 2, 'event_went_back', { ...log[2], event_id: admitted.event_id - 1 }),
    at('after-the-end-without-a-reset', 9, 'after_end', { ...log[10], seq: 9 }),
    at('end-after-the-end', 9, 'after_end', { ...log[12], seq: 9 }),
    at('wrong-count-after-a-reset', 12, 'wrong_count', payload(log[12]!, { records: 4 })),
    at('continued-from-another-run', 16, 'wrong_run', payload(talk[16]!, { from_run_id: 'r' }), talk),
    at('called-before-the-budget-is-raised', 11, 'over_granted', { ...talk[12], seq: 11 }, talk),
    at('approved-by-nobody', 9, 'bad_form', payload(talk[9]!, { by: null }), talk),
    at('known-by-hearsay', closed.length - 1, 'bad_form', payload(last, { known_by: 'hearsay' }), closed),
    at('closed-at-no-time', closed.length - 1, 'bad_form', payload(last, { closed_at: 'today' }), closed),
    at('wrong-count-of-terminated', closed.length - 1, 'wrong_count', payload(last, { records: 4 }), closed),
    at('terminated-with-a-call-pending', 6, 'still_pending', { ...payload(last, { records: 7 }), seq: 6, budget: closed[5]!.budget }, closed),
    at('after-terminated', closed.length, 'after_end', { ...closed[1], seq: closed.length }, closed),
  ];
}

/** All logs that must be refused. */
export function invalidVectors(): readonly InvalidVector[] {
  return [...brokenFiles(), ...wrongRecords(), ...wrongRuns()];
}

function rewritten(): readonly string[] {
  const prevHash = JSON.parse(lines[1]!).hash as string;
  const [line] = chained([payload(records[2]!, { elapsed_ms: 641 })], prevHash);
  return [...lines.slice(0, 2), line!, ...lines.slice(3)];
}

function vector(name: string, line: number, fault: string, bytes: Buffer | string): InvalidVector {
  return { file: `invalid/${name}.jsonl`, line, fault, bytes: Buffer.from(bytes) };
}

function text(log: readonly string[]): Buffer {
  return Buffer.from(log.map((line) => `${line}\n`).join(''));
}

function payloadOf(record: object): Record<string, unknown> {
  return (record as { payload: Record<string, unknown> }).payload;
}

function payload(record: object, changed: object): object {
  return { ...record, payload: { ...payloadOf(record), ...changed } };
}

/** A line as a forger would write it: any value, hashed as it should be. */
function forged(value: object): string {
  const rest = { prev_hash: GENESIS_HASH, ...value };
  return canonicalJson({ ...rest, hash: sha256(canonicalJson(rest)) });
}

function addHash(unhashed: string): string {
  return unhashed.replace(',"invoking_user":', `,"hash":"${sha256(unhashed)}","invoking_user":`);
}

/** With arrays at `payload.input.bytes`: that is in the third object of the line. */
function nested(line: string, depth: number): string {
  return line.replace('"bytes":42', `"bytes":${'['.repeat(depth)}${']'.repeat(depth)}`);
}

function withHash(line: string, hash: string): string {
  return line.replace(/"hash":"\w+"/, `"hash":"${hash}"`);
}
