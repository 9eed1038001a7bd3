import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { textOf } from '../audit/make-bundle.ts';
import { linesOf, pricedSession } from '../audit/priced-session.ts';
import { type CliStack, startCliStack } from './cli-stack.ts';
import { aegrailProcess, folder } from './kit.ts';

/** A real session, a signed log of logs, a bundle of it, and an auditor with nothing but the command line. */

let cli: CliStack;
let id: string;
let vkey: string;
let dir: string;

beforeAll(async () => {
  cli = await startCliStack();
  dir = cli.stack.dir;
  ({ id } = await cli.begin('Hello.', '--wait'));
  vkey = (await done('keys', 'new', '--origin', 'example.com/log', '--dir', 'keys')).trim();
  const config = JSON.parse(readFileSync(join(dir, 'aegrail.json'), 'utf8')) as object;
  const signed = { ...config, signing: { origin: 'example.com/log', keys: './keys' } };
  writeFileSync(join(dir, 'signed.json'), JSON.stringify(signed));
  writeFileSync(join(dir, 'kept.txt'), await done('audit', 'checkpoint', '-c', 'signed.json'));
  await done('audit', 'export', '--session', id, '-c', 'signed.json', '-o', 'evidence');
});
afterAll(() => cli.close());

async function done(...args: string[]): Promise<string> {
  const { code, out, err } = await cli.run(...args);
  expect({ code, err: code === 0 ? '' : err }).toEqual({ code: 0, err: '' });
  return out;
}

test('with a key, a kept checkpoint and the histories, every verdict is good', async () => {
  const given = ['--key', vkey, '--checkpoint', 'kept.txt', '--against-history', '--strict'];
  const { code, out } = await cli.runProcess('audit', 'verify', 'evidence', ...given);
  expect(out).toMatch(/^evidence: \d+ records of 1 session, good in all five verdicts\n {2}integrity: good \(/);
  expect(out).toContain('1 of 1 session made again from workflow history, byte for byte the same');
  expect(out).toContain("1 of 1 kept checkpoints have the same root as the bundle's entries");
  expect(code).toBe(0);
});

test('without them it says what was not checked, and --strict is exit code 1', async () => {
  const { code, out, err } = await cli.run('audit', 'verify', 'evidence', '--json');
  expect({ code, err }).toEqual({ code: 0, err: '' });
  expect(JSON.parse(out)).toMatchObject({
    ok: true,
    integrity: { status: 'good' },
    completeness: { status: 'good' },
    authenticity: { status: 'unchecked' },
    ledger: { status: 'good' },
    history: { status: 'unchecked' },
    sessions: [{ session_id: id, ended: true }],
    bundle: { origin: 'example.com/log', query: { session: id } },
  });
  expect(await cli.run('audit', 'verify', 'evidence', '--strict')).toMatchObject({ code: 1 });
});

test('a key may be in a file, and another key is told to be unknown', async () => {
  const keys = join('evidence', 'keys.txt');
  expect(await cli.run('audit', 'verify', 'evidence', '--key', keys)).toMatchObject({ code: 0 });
  const other = (await done('keys', 'new', '--origin', 'example.com/log', '--dir', 'other')).trim();
  expect(await cli.run('audit', 'verify', 'evidence', '--key', other)).toMatchObject({
    code: 1,
    out: expect.stringMatching(/^evidence\/checkpoints\.jsonl:1: unknown_key: /) as string,
    err: '',
  });
});

test('a changed record is named by file, line and fault, whatever else is right', async () => {
  await done('audit', 'export', '--session', id, '-c', 'signed.json', '-o', 'changed');
  const path = join(dir, 'changed', 'records.jsonl');
  const lines = readFileSync(path, 'utf8').split('\n');
  lines[2] = lines[2]!.replace(/"elapsed_ms":\d+/, '"elapsed_ms":7');
  writeFileSync(path, lines.join('\n'));
  const { code, out, err } = await cli.runProcess('audit', 'verify', 'changed', '--key', vkey, '--against-history');
  expect(code).toBe(1);
  expect(out).toMatch(/^changed\/records\.jsonl:3: hash_mismatch: /);
  expect(out).toContain('changed/records.jsonl: file_mismatch: ');
  expect(out).toContain('changed/records.jsonl:3: history_differs: ');
  expect(out).toMatch(/\n {2}authenticity: good /);
  expect(err).not.toContain('    at ');
});

test('a session that Temporal does not know is not counted as compared', async () => {
  const input = textOf(linesOf(pricedSession('unheard-of')));
  const { code, out } = await aegrailProcess(['audit', 'verify', '-', '--against-history', '--json'], {
    input,
    cwd: dir,
  });
  expect(code).toBe(0);
  expect(JSON.parse(out)).toMatchObject({
    history: { status: 'unchecked', unchecked: [expect.stringContaining('Temporal does not know it')] },
  });
});

test.each([
  [['evidence', '--key', 'hello'], /"hello" is no verifier key/],
  [['evidence', '--key', 'empty.txt'], /empty\.txt holds no verifier key/],
  [['evidence', '--witness', 'hello'], /"hello" is no verifier key/],
  [['evidence', '--checkpoint', 'none.txt'], /none\.txt can not be read/],
  [['evidence', '--checkpoint', 'empty.txt'], /empty\.txt:1: no checkpoint to compare with: it is empty/],
  [['aegrail.json', '--checkpoint', 'kept.txt'], /aegrail\.json is no bundle/],
  [['none'], /none can not be read/],
] as const)('%j is wrong use: exit code 2, and one line', async (args, says) => {
  writeFileSync(join(dir, 'empty.txt'), '');
  const { code, out, err } = await cli.run('audit', 'verify', ...args);
  expect({ code, out }).toEqual({ code: 2, out: '' });
  expect(err).toMatch(says);
  expect(err.trimEnd().split('\n')).toHaveLength(1);
});

test('without a server, comparing with histories is exit code 3', async () => {
  const env = { TEMPORAL_ADDRESS: '127.0.0.1:9' };
  const input = textOf(linesOf(pricedSession('unheard-of')));
  const end = await aegrailProcess(['audit', 'verify', '-', '--against-history'], { env, input, cwd: folder() });
  expect(end).toMatchObject({ code: 3, out: '' });
});
