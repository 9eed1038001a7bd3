import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { auditBundle, type Auditor, auditFile } from '../../src/audit/audit.ts';
import type { SessionHistories } from '../../src/audit/history-check.ts';
import { readKeptCheckpoints } from '../../src/audit/kept-checkpoints.ts';
import { VERDICT_OF } from '../../src/audit/verdicts.ts';
import { isSound, verdictLines } from '../../src/cli/verdict-lines.ts';
import type { AuditRecord, Events } from '../../src/core/record.ts';
import { wireLimits } from '../../src/core/session-state.ts';
import { cosignText } from '../../src/signing/cosignature.ts';
import { generateSkey, parseSkey } from '../../src/signing/key.ts';
import { createTestTree, headOf, makeBundle, memorySource, newKey, ORIGIN, textOf } from './make-bundle.ts';
import {
  CONTRACT,
  CONTRACT_SHA256,
  ended,
  linesOf,
  modelAdmitted,
  modelAnswered,
  playSession,
  pricedSession,
  started,
  STARTED_MS,
  toolAdmitted,
  toolDone,
  USAGE,
} from './priced-session.ts';

const key = newKey();
const auditor: Auditor = {
  keys: [key.verifier],
  witnesses: [],
  kept: [],
  histories: null,
  onProgress: () => undefined,
};
const records = pricedSession('sess_a');
const a = linesOf(records);
const b = linesOf(pricedSession('sess_b', { user: 'bob@acme.com' }));

/** A tree with one checkpoint after its key, and one after the heads of some logs. */
function treeOf(...logs: readonly string[][]) {
  const tree = createTestTree();
  tree.addKey(key);
  tree.checkpoint(key);
  for (const log of logs) tree.head(log);
  tree.checkpoint(key);
  return tree;
}

async function judge(files: ReadonlyMap<string, Buffer>, given: Partial<Auditor> = {}) {
  const audit = await auditBundle(memorySource(files), { ...auditor, ...given });
  return { ...audit, ...audit.verdicts };
}

describe('a bundle that is right', () => {
  test('is good in all verdicts, and says what was looked at', async () => {
    const regenerate = () => Promise.resolve(records);
    const histories = { fetch: () => Promise.resolve([]), regenerate };
    const audit = await judge(makeBundle([a], treeOf(a)), { histories });
    for (const verdict of Object.values(audit.verdicts)) {
      expect(verdict).toMatchObject({ status: 'good', findings: [], further: 0, unchecked: [] });
      expect(verdict.evidence).not.toEqual([]);
    }
    expect(isSound(audit, true)).toBe(true);
    expect(audit).toMatchObject({ records: 6, unknown: 0, bundle: { origin: ORIGIN } });
    expect(verdictLines('evidence', audit)[0]).toBe('evidence: 6 records of 1 session, good in all five verdicts');
    expect(audit.ledger.evidence).toContain('recomputed 1 cost from usage and pinned prices');
  });

  test('what was not checked is said, and strictly it is not enough', async () => {
    const audit = await judge(makeBundle([a], treeOf(a)), { keys: [] });
    expect(audit.authenticity).toMatchObject({
      status: 'unchecked',
      unchecked: [expect.stringContaining('no --key was given')],
    });
    expect(audit.history).toMatchObject({ status: 'unchecked' });
    expect([isSound(audit, false), isSound(audit, true)]).toEqual([true, false]);
  });

  test('without a tree, nothing says that it is whole, or whose it is', async () => {
    const audit = await judge(makeBundle([a], null));
    expect(audit).toMatchObject({
      integrity: { status: 'good' },
      completeness: { status: 'unchecked' },
      authenticity: { status: 'unchecked' },
      ledger: { status: 'good' },
    });
  });

  test('a query selects: a session that it does not ask for is not missed', async () => {
    const tree = treeOf(a, b);
    const missing = { fault: 'session_missing', session_id: 'sess_b', file: 'entries.jsonl', line: 3 };
    expect((await judge(makeBundle([a], tree))).completeness.findings).toMatchObject([missing]);
    const started_ = new Date(STARTED_MS).toISOString();
    for (const query of [{ session: 'sess_a' }, { user: 'ada@acme.com' }])
      expect((await judge(makeBundle([a], tree, { query }))).completeness, JSON.stringify(query)).toMatchObject({
        status: 'good',
      });
    for (const query of [
      { agent: 'bot' },
      { agent: 'bot/v1' },
      { since: started_ },
      { until: '2026-02-01T00:00:00.000Z' },
    ])
      expect(
        (await judge(makeBundle([a], tree, { query }))).completeness.findings,
        JSON.stringify(query),
      ).toMatchObject([missing]);
    const early = makeBundle([a, b], tree, { query: { until: started_ } });
    expect((await judge(early)).completeness.status).toBe('unchecked');
  });

  test('a session that ended before the window is not missed', async () => {
    const old = linesOf(pricedSession('sess_old', { startedMs: STARTED_MS - 86_400_000 }));
    const query = { since: new Date(STARTED_MS).toISOString() };
    expect((await judge(makeBundle([a], treeOf(old, a), { query }))).completeness.status).toBe('good');
    expect((await judge(makeBundle([a], treeOf(old, a)))).completeness.status).toBe('bad');
  });

  test('that begins with a later checkpoint is right where it was asked for since a time', async () => {
    const tree = treeOf(a);
    const query = { since: '2026-01-31T12:00:00.000Z' };
    tree.notes.shift();
    expect((await judge(makeBundle([a], tree, { query }))).completeness.status).toBe('good');
    expect((await judge(makeBundle([a], tree))).completeness.findings).toMatchObject([{ fault: 'checkpoint_missing' }]);
  });
});

describe('a session that has not ended', () => {
  const open = linesOf(pricedSession('sess_a', { ended: false }));

  test('is whole up to its last entry, and its end is open', async () => {
    const { completeness } = await judge(makeBundle([open], treeOf(open)));
    expect(completeness).toMatchObject({ status: 'good' });
    expect(completeness.evidence).toContain('open, and whole up to their last entry: sess_a');
  });

  test('of what comes after its last entry nobody can say whether it is all', async () => {
    const tree = createTestTree();
    tree.addKey(key);
    tree.head(open, 2);
    tree.checkpoint(key);
    const { completeness, authenticity } = await judge(makeBundle([open], tree));
    expect(completeness).toMatchObject({
      status: 'unchecked',
      unchecked: [expect.stringContaining('sess_a from record 3 on')],
    });
    expect(authenticity).toMatchObject({
      status: 'unchecked',
      unchecked: ['under no signed entry: sess_a from record 3 on'],
    });
  });
});

test('the heads of a long session are all held against it, after one that fell into a gap too', async () => {
  const log = linesOf(
    playSession('sess_a', (emit) => {
      emit('session_started', started('sess_a'));
      for (let index = 0; index < 9; index++) emit('cancel_requested', { in_flight: 0 });
    }),
  );
  const tree = createTestTree();
  tree.addKey(key);
  for (const seq of [3, 6]) tree.head(log, seq);
  tree.add({ ...headOf(log, 9), hash: 'ab'.repeat(32) });
  tree.checkpoint(key);
  const { integrity, completeness } = await judge(makeBundle([log.filter((_, seq) => seq !== 3)], tree));
  expect(completeness.findings).toMatchObject([{ fault: 'gap', line: 4 }]);
  expect(completeness.evidence).toContain('held 2 entries of 1 session against records');
  expect(integrity.findings).toMatchObject([{ fault: 'head_mismatch', line: 9 }]);
});

describe('verdicts are separate', () => {
  test('a ledger that lies does not hide a changed line, nor the other way round', async () => {
    const lines = [...a];
    lines[2] = lines[2]!.replace(/"elapsed_ms":\d+/, '"elapsed_ms":1');
    const dear = linesOf(withPayload(pricedSession('sess_b', { user: 'bob@acme.com' }), 2, raised));
    const { integrity, ledger, completeness } = await judge(makeBundle([lines, dear], treeOf(a, dear)));
    expect(integrity.findings).toMatchObject([{ fault: 'hash_mismatch', file: 'records.jsonl', line: 3 }]);
    expect(ledger.findings).toMatchObject([
      { fault: 'wrong_budget', line: 9, session_id: 'sess_b' },
      { fault: 'wrong_cost', line: 9, session_id: 'sess_b' },
    ]);
    expect(completeness.status).toBe('good');
  });

  test('of many findings the first are told, and the others counted', async () => {
    const tree = treeOf(...Array.from({ length: 15 }, (_, index) => linesOf(pricedSession(`sess_${index}`))), a);
    const audit = await judge(makeBundle([a], tree));
    expect(audit.completeness).toMatchObject({ status: 'bad', further: 5 });
    expect(audit.completeness.findings).toHaveLength(10);
    expect(verdictLines('evidence', audit)).toContain('evidence: 5 more of completeness');
  });

  test('a log alone: gaps are bad, and what needs a tree or a contract was not checked', async () => {
    const audit = await auditFile([textOf([...a.slice(0, 2), ...a.slice(3)])], null, auditor);
    expect(audit.verdicts).toMatchObject({
      integrity: { status: 'unchecked' },
      completeness: { status: 'bad', findings: [{ fault: 'gap', line: 3 }] },
      authenticity: { status: 'unchecked' },
      ledger: { status: 'unchecked' },
    });
    const whole = await auditFile([textOf(a)], null, auditor);
    expect(whole.verdicts.ledger.unchecked).toEqual([
      `costs of sess_a: the contract ${CONTRACT_SHA256} is not at hand`,
    ]);
  });
});

/** Records as they would be with another payload of one of them, chained anew. */
function withPayload(from: readonly AuditRecord[], seq: number, change: (payload: never) => object): object[] {
  return from.map((record) => (record.seq === seq ? { ...record, payload: change(record.payload as never) } : record));
}

function raised(payload: Events['llm_call']): Events['llm_call'] {
  return { ...payload, posted: { ...payload.posted, usd_nano: payload.posted.usd_nano + 1 } };
}

describe('costs', () => {
  const untilMs = STARTED_MS + CONTRACT.limits.wallMs;
  const play = (change: { start?: object; admitted?: object; call?: object; tool?: object; done?: object }) =>
    playSession('sess_a', (emit) => {
      emit('session_started', { ...started('sess_a'), ...change.start });
      emit('llm_admitted', { ...modelAdmitted(untilMs), ...change.admitted });
      emit('llm_call', { ...modelAnswered(1), ...change.call });
      emit('tool_admitted', { ...toolAdmitted(untilMs), ...change.tool });
      emit('tool_call', { ...toolDone(3), ...change.done });
      emit('session_ended', ended(6));
    });
  const ledgerOf = async (change: Parameters<typeof play>[0]) => {
    const lines = linesOf(play(change));
    return (await judge(makeBundle([lines], treeOf(lines)))).ledger;
  };
  const { posted, usage } = modelAnswered(1);
  const { reserved } = modelAdmitted(untilMs);
  const blind = { usage: null, usage_state: 'none' } as const;
  const nothing = { usd_nano: 0, tokens: 0, tool_calls: 0 };

  test('a cost by hand: the whole request in its tier, half price, the fee not halved, rounded up once', () => {
    // 1,100 tokens of input are above 1,000: the second tier. The fee is on the call, and not multiplied.
    const pico = 900n * 500_000n + 200n * 50_000n + 40n * 3_000_001n;
    const nano = (pico * 500n + 1_500n * 1000n + 999_999n) / 1_000_000n;
    expect(posted).toEqual({ usd_nano: Number(nano), tokens: 1140, tool_calls: 0 });
  });

  test.each([
    ['as the contract has it', {}],
    ['a try that surely did not run', { call: { outcome: 'not_started', ...blind, posted: nothing } }],
    ['a try whose end is not known', { call: { outcome: 'unknown', ...blind, posted: reserved } }],
    ['an answer without a count', { call: { usage: null, usage_state: 'missing', posted: reserved } }],
    ['a count that can not be', { call: { usage: null, usage_state: 'impossible', posted: reserved } }],
    ['lower limits', { start: { limits: { ...wireLimits(CONTRACT.limits), usd: 0.1, tokens: 5000 } } }],
  ] as const)('%s: good', async (_, change) => {
    expect(await ledgerOf(change)).toMatchObject({ status: 'good' });
  });

  test.each([
    ['a nano-USD more', { call: { posted: { ...posted, usd_nano: posted.usd_nano + 1 } } }, 'wrong_cost', 3],
    ['a nano-USD less', { call: { posted: { ...posted, usd_nano: posted.usd_nano - 1 } } }, 'wrong_cost', 3],
    ['a token less', { call: { posted: { ...posted, tokens: posted.tokens - 1 } } }, 'wrong_tokens', 3],
    [
      'a multiplier that the table has not',
      { call: { usage: { ...usage, modifiers: { speed: 'fast' } } } },
      'wrong_cost',
      3,
    ],
    ['reported, and no usage', { call: { usage: null } }, 'wrong_cost', 3],
    [
      'a blind post below the reservation',
      { call: { outcome: 'unknown', ...blind, posted: { ...reserved, usd_nano: 1 } } },
      'wrong_blind_post',
      3,
    ],
    [
      'not started, and posted',
      { call: { outcome: 'not_started', ...blind, posted: reserved } },
      'wrong_blind_post',
      3,
    ],
    ['a blind post with a usage', { call: { usage_state: 'missing', posted: reserved } }, 'wrong_blind_post', 3],
    [
      'a reservation below the worst case',
      { admitted: { reserved: { ...reserved, usd_nano: reserved.usd_nano - 1 } } },
      'wrong_reservation',
      2,
    ],
    ['more output than the contract lets', { admitted: { max_output_tokens: 501 } }, 'other_contract', 2],
    ['a tool call for nothing', { tool: { reserved: nothing }, done: { posted: nothing } }, 'wrong_reservation', 4],
    ['a tool that the contract has not', { tool: { tool: 'wipe' }, done: { tool: 'wipe' } }, 'other_contract', 4],
    [
      'a limit above the contract',
      { start: { limits: { ...wireLimits(CONTRACT.limits), usd: 0.6 } } },
      'other_contract',
      1,
    ],
    [
      'no limit where the contract has one',
      { start: { limits: { ...wireLimits(CONTRACT.limits), tokens: null } } },
      'other_contract',
      1,
    ],
    ['another model', { start: { model: 'openai/gpt-9' } }, 'other_contract', 1],
    ['a tool more', { start: { tools: ['refund', 'wipe'] } }, 'other_contract', 1],
  ] as const)('%s', async (_, change, fault, line) => {
    const { status, findings } = await ledgerOf(change);
    expect(status).toBe('bad');
    expect(findings).toContainEqual(
      expect.objectContaining({ fault, line, file: 'records.jsonl', session_id: 'sess_a' }),
    );
  });

  test('under a contract that is not at hand they are not judged, and the session is named', async () => {
    const files = makeBundle([a], treeOf(a), { contracts: false });
    expect((await judge(files)).ledger).toMatchObject({
      status: 'unchecked',
      unchecked: [`costs of sess_a: the contract ${CONTRACT_SHA256} is not at hand`],
    });
    const cheap = linesOf(play({ call: { outcome: 'unknown', ...blind, posted: nothing } }));
    const blindly = makeBundle([cheap], treeOf(cheap), { contracts: false });
    expect((await judge(blindly)).ledger.findings).toMatchObject([{ fault: 'wrong_blind_post' }]);
  });

  test('another usage that costs the same is no fault of the ledger', async () => {
    const cached = { ...USAGE, inputTokens: 901, cacheReadTokens: 190 };
    expect(await ledgerOf({ call: modelAnswered(1, cached) })).toMatchObject({ status: 'good' });
  });
});

describe('who signed', () => {
  const next = newKey();

  test('a rotated log is trusted by either key, and each checkpoint judged by the key of its place', async () => {
    const tree = createTestTree();
    tree.addKey(key);
    tree.head(a);
    tree.checkpoint(key);
    tree.rotate(key, next);
    tree.checkpoint(next);
    tree.revoke(key, next);
    tree.checkpoint(next);
    const files = makeBundle([a], tree);
    for (const trusted of [key, next]) {
      const { authenticity } = await judge(files, { keys: [trusted.verifier] });
      expect(authenticity, JSON.stringify(authenticity.findings)).toMatchObject({ status: 'good' });
      expect(authenticity.evidence).toContainEqual(expect.stringContaining(`trusted by --key: ${trusted.verifier.id}`));
      expect(authenticity.evidence).toContainEqual(expect.stringContaining('revoked by entry 3 ("lost")'));
    }
  });

  test("a key that is none of the log's is unknown, however good the signatures are", async () => {
    const { authenticity, integrity } = await judge(makeBundle([a], treeOf(a)), { keys: [next.verifier] });
    expect(authenticity).toMatchObject({ status: 'bad', findings: [{ fault: 'unknown_key' }] });
    expect(integrity.status).toBe('good');
  });

  test('a witness that is asked for must have cosigned the last checkpoint', async () => {
    const witness = parseSkey(generateSkey('witness.example.org', 'cosignature'), 'cosignature');
    const absent = parseSkey(generateSkey('other.example.org', 'cosignature'), 'cosignature');
    const tree = createTestTree();
    tree.addKey(key);
    tree.checkpoint(key);
    tree.head(a);
    tree.checkpoint(key, {}, (text) => [cosignText(text, witness, 1_770_000_000)]);
    const files = makeBundle([a], tree);
    const good = await judge(files, { witnesses: [witness.verifier] });
    expect(good.authenticity).toMatchObject({ status: 'good' });
    expect(good.authenticity.evidence).toContain(`witness ${witness.verifier.id} cosigned 1 of 2 checkpoints`);
    const none = await judge(files, { witnesses: [absent.verifier] });
    expect(none.authenticity.findings).toMatchObject([{ fault: 'no_cosignature', file: 'checkpoints.jsonl', line: 2 }]);
    const other = createTestTree();
    other.addKey(key);
    other.head(a);
    other.checkpoint(key, {}, (text) => [
      cosignText(`${text}x`, witness, 1_770_000_000),
      cosignText(text, witness, 1_770_000_000),
    ]);
    const bad = await judge(makeBundle([a], other), { witnesses: [witness.verifier] });
    expect(bad.authenticity.findings).toMatchObject([{ fault: 'bad_cosignature' }]);
  });

  test('a pause in the cadence is told', async () => {
    const tree = createTestTree();
    tree.addKey(key);
    tree.head(a);
    tree.checkpoint(key, { time: '2026-01-31T13:00:00.000Z' });
    tree.checkpoint(key, { time: '2026-01-31T13:05:00.000Z' });
    const { completeness } = await judge(makeBundle([a], tree));
    expect(completeness).toMatchObject({ status: 'good' });
    expect(completeness.evidence).toContain(
      'no checkpoint between 2026-01-31T13:00:00.000Z and 2026-01-31T13:05:00.000Z (5.0 x the cadence of 60 s)',
    );
  });
});

describe('checkpoints that were kept elsewhere', () => {
  const tree = treeOf(a, b);
  const files = makeBundle([a, b], tree);
  const keptOf = (notes: readonly string[]) =>
    readKeptCheckpoints([textOf(notes.map((note) => JSON.stringify({ note })))], 'kept.jsonl');

  test('are in the log: as lines, and one as it is', async () => {
    const lines = await keptOf(tree.notes);
    const one = await readKeptCheckpoints([Buffer.from(tree.notes[1]!)], 'note.txt');
    expect(one).toEqual([{ ...lines[1]!, file: 'note.txt', line: 1 }]);
    for (const kept of [lines, one]) {
      const audit = await judge(files, { kept });
      expect(audit.completeness).toMatchObject({ status: 'good' });
      const told = `${kept.length} of ${kept.length} kept checkpoints have the same root as the bundle's entries`;
      expect(audit.completeness.evidence).toContain(told);
    }
  });

  test('of a larger log: it was rolled back', async () => {
    const kept = await keptOf(tree.notes);
    const cut = createTestTree();
    cut.addKey(key);
    cut.checkpoint(key);
    const { completeness } = await judge(makeBundle([], cut), { kept });
    const finding = { fault: 'rolled_back', file: 'kept.jsonl', outside: true, line: 2 };
    expect(completeness.findings).toContainEqual(expect.objectContaining(finding));
    const unsigned = await judge(makeBundle([a], null), { kept });
    expect(unsigned.completeness.findings).toMatchObject([{ fault: 'rolled_back', outside: true }]);
  });

  test('of another log with the same key: it was forked', async () => {
    const other = treeOf(b, a);
    const kept = await keptOf(other.notes);
    const { integrity } = await judge(files, { kept });
    expect(integrity.findings).toMatchObject(
      [
        { fault: 'forked', file: 'kept.jsonl', outside: true, line: 2 },
        { fault: 'forked', file: 'checkpoints.jsonl', line: 2 },
      ].sort((one, two) => (one.file < two.file ? -1 : 1)),
    );
  });

  test('of another origin are told so', async () => {
    const other = createTestTree();
    other.addKey(newKey('example.com/other'));
    other.checkpoint(newKey('example.com/other'), { origin: 'example.com/other' });
    const { integrity } = await judge(files, { kept: await keptOf(other.notes) });
    expect(integrity.findings).toMatchObject([{ fault: 'bad_checkpoint', outside: true }]);
  });

  test.each(['', 'hello\n', '{"note":"x"}\n', '{"a":1}\n', 'no newline'])(
    'are refused by file and line when they are none: %j',
    async (text) => {
      await expect(readKeptCheckpoints([Buffer.from(text)], 'kept.jsonl')).rejects.toThrow(/^kept\.jsonl:1: /);
    },
  );
});

describe('against history', () => {
  const files = makeBundle([a, b], treeOf(a, b));
  const recordsOf = new Map([
    ['sess_a', records],
    ['sess_b', pricedSession('sess_b', { user: 'bob@acme.com' })],
  ]);
  const histories = (regenerate: SessionHistories['regenerate']): SessionHistories => ({
    fetch: (sessionId) => Promise.resolve(sessionId === 'sess_c' ? { gone: 'it is gone' } : []),
    regenerate,
  });
  const same: SessionHistories['regenerate'] = (_, sessionId) => Promise.resolve(recordsOf.get(sessionId) ?? []);

  test('each session is made again and compared', async () => {
    const { history } = await judge(files, { histories: histories(same) });
    expect(history).toMatchObject({ status: 'good' });
    expect(history.evidence).toEqual(['2 of 2 sessions made again from workflow history, byte for byte the same']);
  });

  test('another record is found where it is', async () => {
    const other = withPayload(records, 2, raised) as AuditRecord[];
    const regenerate: SessionHistories['regenerate'] = (_, sessionId) =>
      sessionId === 'sess_a' ? Promise.resolve(other) : same(_, sessionId, false);
    const { history } = await judge(files, { histories: histories(regenerate) });
    expect(history.findings).toMatchObject([
      { fault: 'history_differs', file: 'records.jsonl', line: 3, session_id: 'sess_a' },
    ]);
  });

  test('a history that is gone is named, and not counted', async () => {
    const c = linesOf(pricedSession('sess_c'));
    const { history } = await judge(makeBundle([a, c], treeOf(a, c)), { histories: histories(same) });
    expect(history).toMatchObject({ status: 'unchecked', unchecked: ['no history of sess_c: it is gone'] });
  });

  test('a history that goes on is no fault, one that ends before the log is', async () => {
    const shorter = linesOf(pricedSession('sess_a', { ended: false }));
    const goesOn = await judge(makeBundle([shorter], treeOf(shorter)), {
      histories: histories(() => Promise.resolve(records)),
    });
    expect(goesOn.history).toMatchObject({ status: 'good' });
    expect(goesOn.history.evidence).toContain('sess_a goes on in its history by 1 record');
    const ends = await judge(makeBundle([a], treeOf(a)), {
      histories: histories(() => Promise.resolve(records.slice(0, 5))),
    });
    expect(ends.history.findings).toMatchObject([{ fault: 'history_differs', line: 6 }]);
  });

  test('what reconciling adds is made again too', async () => {
    const regenerate: SessionHistories['regenerate'] = (_, _id, reconciled) =>
      Promise.resolve(reconciled ? records : records.slice(0, 5));
    const { history } = await judge(makeBundle([a], treeOf(a)), { histories: histories(regenerate) });
    expect(history).toMatchObject({ status: 'good' });
  });
});

test('a head that is signed for another record is found, whatever is another in it', async () => {
  for (const other of [
    { hash: 'ab'.repeat(32) },
    { ts: '2026-01-31T12:00:09.000Z' },
    { ended: false },
    { user_sha256: 'ab'.repeat(32) },
  ]) {
    const tree = createTestTree();
    tree.addKey(key);
    tree.add({ ...headOf(a, 5), ...other });
    tree.checkpoint(key);
    const { integrity } = await judge(makeBundle([a], tree));
    expect(integrity.findings, JSON.stringify(other)).toMatchObject([
      { fault: 'head_mismatch', line: 6, session_id: 'sess_a' },
    ]);
  }
});

describe('docs/AUDIT.md', () => {
  const text = readFileSync(new URL('../../docs/AUDIT.md', import.meta.url), 'utf8');
  const section = (heading: string): string => text.split(`\n${heading}\n`)[1]!.split(/^## /m)[0]!;

  test('has every fault in one of its two tables, the second with the verdict that it belongs to', () => {
    const ofLogs = Array.from(section('### Faults').matchAll(/^\| `(\w+)` +\|/gm), ([, fault]) => fault!);
    const rows = section('## Verdicts and their faults').matchAll(/^\| `(\w+)` +\| `(\w+)` +\|/gm);
    const ofBundles = Object.fromEntries(Array.from(rows, ([, fault, verdict]) => [fault!, verdict!]));
    const others = Object.entries(VERDICT_OF).filter(([fault]) => !ofLogs.includes(fault) && fault !== 'other_session');
    expect(ofBundles).toEqual(Object.fromEntries(others));
    expect(ofLogs.length + others.length + 1).toBe(Object.keys(VERDICT_OF).length);
  });

  test('says of which verdict the faults of a log are', () => {
    const told = /belong to `integrity`, but for (.+?), which belong to\s`completeness`/s.exec(text)?.[1] ?? '';
    const names = Array.from(told.matchAll(/`(\w+)`/g), ([, name]) => name!);
    const ofLogs = Array.from(
      section('### Faults').matchAll(/^\| `(\w+)` +\|/gm),
      ([, fault]) => fault as keyof typeof VERDICT_OF,
    );
    expect(ofLogs.filter((fault) => VERDICT_OF[fault] === 'completeness')).toEqual(names);
    const ledger = ofLogs.slice(ofLogs.indexOf('wrong_deadline'), ofLogs.indexOf('wrong_budget') + 1);
    expect(ofLogs.filter((fault) => VERDICT_OF[fault] === 'ledger')).toEqual(ledger);
  });
});
