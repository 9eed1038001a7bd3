import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, inject, test } from 'vitest';
import { ledgerCheck } from '../../src/audit/ledger-check.ts';
import { regenerateLog } from '../../src/audit/regenerate.ts';
import { verifyLog } from '../../src/audit/verify.ts';
import type { ChainedRecord } from '../../src/core/record.ts';
import { historyFromJson } from './history-json.ts';
import { SCENARIOS } from './scenarios.ts';
import { currentVersion, folderOf, recordedVersions, recordingProblem } from './versions.ts';

const current = currentVersion();
const read = (name: string, version = current): string => readFileSync(new URL(name, folderOf(version)), 'utf8');
const bundle = { code: readFileSync(inject('bundlePath'), 'utf8') };
const names = SCENARIOS.map(({ name }) => name);
/** Every recording of every version that there is. */
const recordings = recordedVersions().flatMap((version) =>
  readdirSync(folderOf(version))
    .filter((file) => file.endsWith('.json'))
    .map((file) => [version, file.slice(0, -'.json'.length)] as const),
);

test('every scenario of the version that is worked on is recorded, and nothing else', () => {
  const files = names.flatMap((name) => [`${name}.json`, `${name}.jsonl`]);
  expect(readdirSync(folderOf(current)).sort()).toEqual(files.sort());
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

test.each(recordings)(
  '%s: %s replays with the code as it is now, and gives the log that was stored',
  async (version, name) => {
    const stored = read(`${name}.jsonl`, version).trimEnd().split('\n');
    expect(await regenerateLog(bundle, [historyFromJson(read(`${name}.json`, version))], name)).toEqual(stored);
    expect(await verifyLog(stored, { expectSession: name, checkRecord: ledgerCheck })).toMatchObject({ ok: true });
  },
);

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
