import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { quietRuntime } from '../harness/quiet.ts';
import { ledgerCheck } from '../../src/audit/ledger-check.ts';
import { regenerateLog } from '../../src/audit/regenerate.ts';
import { verifyLog } from '../../src/audit/verify.ts';
import { accountWorkflowId } from '../../src/core/account-name.ts';
import type { ChainedRecord, EventName } from '../../src/core/record.ts';
import { createReplayer, type Replayer } from '../../src/audit/replayer.ts';
import { type History, historyFromJson } from './history-json.ts';
import { ACCOUNT, ACCOUNT_RECORDING, SCENARIOS } from './scenarios.ts';
import { currentVersion, fileOf, folderOf, recordedVersions, recordingProblem, recordingsOf } from './versions.ts';

const current = currentVersion();
const read = (name: string, version = current): string => readFileSync(new URL(name, folderOf(version)), 'utf8');
let replayer: Replayer;
beforeAll(() => {
  quietRuntime();
  replayer = createReplayer({ code: readFileSync(inject('bundlePath'), 'utf8') });
});
afterAll(() => replayer.close());
const names = SCENARIOS.map(({ name }) => name);
/** Every recording of every version that there is. */
const recordings = recordedVersions().flatMap((version) =>
  Array.from(recordingsOf(version), ([name, runs]) => [version, name, runs] as const),
);
const historiesOf = (version: string, name: string, runs: number): History[] =>
  Array.from({ length: runs }, (_, run) => historyFromJson(read(fileOf(name, run), version)));

test('every scenario of the version that is worked on is recorded, and nothing else', () => {
  expect([...recordingsOf(current).keys()].sort()).toEqual([...names, ACCOUNT_RECORDING].sort());
  const logs = readdirSync(folderOf(current)).filter((file) => file.endsWith('.jsonl'));
  expect(logs.sort()).toEqual(names.map((name) => `${name}.jsonl`).sort());
});

test('every folder of recordings is of a version, and has some', () => {
  for (const version of recordedVersions()) {
    expect(version).toMatch(/^\d+\.\d+\.\d+$/);
    expect(recordings.filter(([of]) => of === version).length).toBeGreaterThan(0);
  }
});

test.each<[string, string, string, RegExp | null]>([
  ['the version that is worked on', '0.2.0', '## [0.2.0] - unreleased', null],
  ['one that is released', '0.2.0', '## [0.2.0] - 2026-12-01', /stay as they are/],
  ['an older one', '0.1.0', '## [0.2.0] - unreleased\n## [0.1.0] - unreleased', /package\.json is at 0\.2\.0/],
])('whether %s may be recorded', (_what, version, changelog, says) => {
  const problem = recordingProblem(version, '0.2.0', changelog);
  if (says) expect(problem).toMatch(says);
  else expect(problem).toBeNull();
});

test('who records a version that is not to be is told why, and nothing is written', () => {
  const program = fileURLToPath(new URL('record.ts', import.meta.url));
  const { status, stderr } = spawnSync(process.execPath, [program, '0.0.1'], { encoding: 'utf8' });
  expect({ status, stderr }).toMatchObject({
    status: 2,
    stderr: expect.stringMatching(/not those of 0\.0\.1/) as string,
  });
  expect(recordedVersions()).not.toContain('0.0.1');
});

test.each(recordings.filter(([, name]) => name === ACCOUNT_RECORDING))(
  '%s: the %s replays with the code as it is now',
  async (version, name, runs) => {
    for (const history of historiesOf(version, name, runs))
      expect(await replayer.replay(history, accountWorkflowId(ACCOUNT))).toEqual([]);
  },
);

test.each(recordings.filter(([, name]) => name !== ACCOUNT_RECORDING))(
  '%s: %s replays with the code as it is now, and gives the log that was stored',
  async (version, name, runs) => {
    const stored = read(`${name}.jsonl`, version).trimEnd().split('\n');
    expect(await regenerateLog(replayer, historiesOf(version, name, runs), name)).toEqual(stored);
    expect(await verifyLog(stored, { expectSession: name, checkRecord: ledgerCheck })).toMatchObject({ ok: true });
  },
);

/** What only happens to sessions that last. */
const LASTING = [
  'approval_requested',
  'approval_decided',
  'message_received',
  'turn_answered',
  'session_paused',
  'session_resumed',
  'budget_warned',
  'budget_raised',
  'context_compacted',
  'contract_migrated',
  'account_leased',
  'session_continued',
] satisfies EventName[];

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
    ['delegated', 'answered', null],
    ['waits-for-people', 'answered', null],
    ['talks-at-length', 'answered', null],
    ['moved-to-another-contract', 'answered', null],
    ['on-an-account', 'answered', null],
    ['goes-on-in-other-runs', 'answered', null],
  ]);
  const events = new Set(
    names.flatMap((name) => Array.from(read(`${name}.jsonl`).matchAll(/"event":"(\w+)"/g), ([, event]) => event)),
  );
  for (const event of LASTING) expect(events).toContain(event);
  expect(recordingsOf(current).get('goes-on-in-other-runs')).toBeGreaterThan(1);
});

test('a history in which the user was changed does not give the stored log', async () => {
  const [name = ''] = names;
  const history = JSON.parse(read(`${name}.json`)) as RecordedHistory;
  const input = history.events[0]?.workflowExecutionStartedEventAttributes?.input.payloads[0] ?? { data: '' };
  const forged = Buffer.from(input.data, 'base64').toString('utf8').replace('ann@acme.com', 'eve@acme.com');
  input.data = Buffer.from(forged).toString('base64');
  const stored = read(`${name}.jsonl`).trimEnd().split('\n');
  const regenerated = await regenerateLog(replayer, [historyFromJson(JSON.stringify(history))], name);
  expect(regenerated).toHaveLength(stored.length);
  expect(regenerated).not.toEqual(stored);
});

interface RecordedHistory {
  readonly events: readonly {
    readonly workflowExecutionStartedEventAttributes?: { readonly input: { readonly payloads: { data: string }[] } };
  }[];
}
