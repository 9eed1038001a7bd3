import { readdirSync, readFileSync } from 'node:fs';
import { expect, inject, test } from 'vitest';
import { ledgerCheck } from '../../src/audit/ledger-check.ts';
import { regenerateLog } from '../../src/audit/regenerate.ts';
import { verifyLog } from '../../src/audit/verify.ts';
import type { ChainedRecord } from '../../src/core/record.ts';
import { historyFromJson } from './history-json.ts';
import { SCENARIOS } from './scenarios.ts';

const histories = new URL('histories/', import.meta.url);
const read = (name: string): string => readFileSync(new URL(name, histories), 'utf8');
const bundle = { code: readFileSync(inject('bundlePath'), 'utf8') };
const names = SCENARIOS.map(({ name }) => name);

test('every scenario is recorded, and nothing else', () => {
  const files = names.flatMap((name) => [`${name}.json`, `${name}.jsonl`]);
  expect(readdirSync(histories).sort()).toEqual(files.sort());
});

test.each(names)('%s replays with the code as it is now, and gives the log that was stored', async (name) => {
  const stored = read(`${name}.jsonl`).trimEnd().split('\n');
  expect(await regenerateLog(bundle, [historyFromJson(read(`${name}.json`))], name)).toEqual(stored);
  expect(await verifyLog(stored, { expectSession: name, checkRecord: ledgerCheck })).toMatchObject({ ok: true });
});

test('the recordings hold what they are for', () => {
  const outcomes = names.map((name) => {
    const records = read(`${name}.jsonl`)
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as ChainedRecord);
    const last = records.at(-1);
    return last?.event === 'session_ended' ? [name, last.payload.outcome, last.payload.reason] : [name, null];
  });
  expect(outcomes).toEqual([
    ['answered-with-refusals', 'answered', null],
    ['killed-by-usd', 'killed', 'usd'],
    ['cancelled-in-mid-tool', 'cancelled', null],
    ['failed-after-retries', 'failed', 'MODEL_FAILED'],
    ['parallel-calls', 'killed', 'max_tool_calls'],
  ]);
});

test('a history in which the user was changed does not give the stored log', async () => {
  const [name = ''] = names;
  const history = JSON.parse(read(`${name}.json`)) as RecordedHistory;
  const input = history.events[0]?.workflowExecutionStartedEventAttributes?.input.payloads[0] ?? { data: '' };
  const forged = Buffer.from(input.data, 'base64').toString('utf8').replace('ann@acme.com', 'eve@acme.com');
  input.data = Buffer.from(forged).toString('base64');
  const stored = read(`${name}.jsonl`).trimEnd().split('\n');
  const regenerated = await regenerateLog(bundle, [historyFromJson(JSON.stringify(history))], name);
  expect(regenerated).toHaveLength(stored.length);
  expect(regenerated).not.toEqual(stored);
});

interface RecordedHistory {
  readonly events: readonly {
    readonly workflowExecutionStartedEventAttributes?: { readonly input: { readonly payloads: { data: string }[] } };
  }[];
}
