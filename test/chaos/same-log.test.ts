import { expect, test } from 'vitest';
import { chainRecord, GENESIS_HASH, lineOf } from '../../src/core/chain.ts';
import type { AuditRecord, ChainedRecord } from '../../src/core/record.ts';
import { sampleSession, sha256 } from '../suites/sample-session.ts';
import { compareLogs, type Histories } from './same-log.ts';

const history = (...events: readonly object[]): Histories => [{ events } as Histories[number]];
const QUIET = history({ workflowTaskCompletedEventAttributes: {} });
const TIMED_OUT = history({ workflowTaskTimedOutEventAttributes: {} });
const FAILED = history({ workflowTaskFailedEventAttributes: {} }, { workflowTaskCompletedEventAttributes: {} });

const chained = (records: readonly AuditRecord[]): ChainedRecord[] => {
  let hash = GENESIS_HASH;
  return records.map((record) => {
    const one = chainRecord(record, hash, sha256);
    hash = one.record.hash;
    return one.record;
  });
};
const SESSION = sampleSession('s', 2);
const STORED = chained(SESSION);
const linesOf = (change: (record: AuditRecord) => AuditRecord): string[] =>
  chained(SESSION.map((record) => (record.seq === 2 ? change(record) : record))).map((record) => lineOf(record));
const LATER = linesOf((record) => {
  const later = { ts: '2026-09-21T14:13:21.000Z', event_id: 50, budget: { ...record.budget, wall_elapsed: 9 } };
  if (record.event !== 'tool_call') throw new Error('a call ends here');
  return { ...record, ...later, payload: { ...record.payload, elapsed_ms: record.payload.elapsed_ms + 9_000 } };
});

test('the same lines are the same log, whatever the history has', () => {
  const again = STORED.map((record) => lineOf(record));
  expect(compareLogs(again, STORED, QUIET)).toEqual({ is: 'same' });
  expect(compareLogs(again, STORED, TIMED_OUT)).toEqual({ is: 'same' });
});

test.each([
  ['timed out', TIMED_OUT],
  ['failed', FAILED],
])('another moment may be where a workflow task %s, and is told', (_, histories) => {
  const what = '1 of 6 records are at other moments; of its workflow tasks 1 timed out or failed';
  expect(compareLogs(LATER, STORED, histories)).toEqual({ is: 'at other moments', what });
});

test('another moment may not be where every workflow task was completed', () => {
  expect(compareLogs(LATER, STORED, QUIET)).toMatchObject({ is: 'another' });
});

test.each<[string, string[]]>([
  ['another run', linesOf((record) => ({ ...record, run_id: 'other' }))],
  ['another amount', linesOf((record) => ({ ...record, budget: { ...record.budget, tokens_used: 1 } }))],
  ['a record less', STORED.slice(0, -1).map((record) => lineOf(record))],
])('%s may never be', (_, again) => {
  expect(compareLogs(again, STORED, TIMED_OUT)).toMatchObject({ is: 'another' });
});
