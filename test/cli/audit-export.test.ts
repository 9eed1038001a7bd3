import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  watch,
  writeFileSync,
} from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Manifest } from '../../src/audit/bundle-format.ts';
import { openSqliteStore } from '../../src/store/sqlite.ts';
import { recordsOf } from '../audit/export-kit.ts';
import { botConfig } from '../harness/stack.ts';
import { type CliStack, startCliStack } from './cli-stack.ts';
import { aegrail, BIN, cleanEnv, type End, folder, jsonLines, runAegrail } from './kit.ts';

const JANUARY = Date.parse('2026-01-01T00:00:00.000Z');

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

describe('of a real session', () => {
  let cli: CliStack;
  let id: string;
  beforeAll(async () => {
    cli = await startCliStack();
    ({ id } = await cli.begin('Hello.', '--wait'));
  });
  afterAll(() => cli.close());

  test('a bundle has its log, its contract and a manifest that fits them', async () => {
    const { code, out, err } = await cli.run('audit', 'export', id, '-o', 'evidence');
    expect({ code, out }).toEqual({ code: 0, out: '' });
    expect(err).toMatch(
      /^evidence: \d+ records, 1 session, manifest [0-9a-f]{64}\nthe store has no signed checkpoint: /,
    );
    const dir = join(cli.stack.dir, 'evidence');
    const manifest = JSON.parse(readFileSync(join(dir, 'manifest.json'), 'utf8')) as Manifest;
    const jsonl = await cli.run('audit', 'export', '--session', id, '--format', 'jsonl');
    expect(jsonl).toMatchObject({ code: 0, err: '' });
    expect(readFileSync(join(dir, 'records.jsonl'), 'utf8')).toBe(jsonl.out);
    const [first] = jsonLines(jsonl.out) as [{ payload: { contract_sha256: string } }];
    const contract = `contracts/${first.payload.contract_sha256}.json`;
    expect(manifest.files.map(({ name }) => name)).toEqual([contract, 'records.jsonl']);
    for (const { name, sha256: hash } of manifest.files) expect(sha256(readFileSync(join(dir, name)))).toBe(hash);
    expect(sha256(readFileSync(join(dir, contract)))).toBe(first.payload.contract_sha256);
    expect(manifest).toMatchObject({ query: { session: id }, origin: null, sessions: 1 });
  });

  test('goes into a folder that is named after it, and the second time not', async () => {
    const first = await cli.run('audit', 'export', id, '--json');
    expect(first).toMatchObject({ code: 0, err: '' });
    expect(JSON.parse(first.out)).toMatchObject({ folder: `aegrail-audit-${id}`, missing_contracts: [] });
    expect(readdirSync(join(cli.stack.dir, `aegrail-audit-${id}`))).toContain('manifest.json');
    const second = await cli.run('audit', 'export', id);
    expect(second).toMatchObject({ code: 2, out: '', err: expect.stringContaining('is not empty') as string });
  });

  test('the history gives the same jsonl', async () => {
    const store = await cli.run('audit', 'export', id, '--format', 'jsonl', '-o', 'store.jsonl', '--json');
    const history = await cli.runProcess('audit', 'export', id, '--from', 'history');
    expect(history).toMatchObject({ code: 0 });
    const bytes = readFileSync(join(cli.stack.dir, 'store.jsonl'));
    expect(bytes.toString()).toBe(history.out);
    expect(JSON.parse(store.out)).toEqual({
      file: 'store.jsonl',
      lines: jsonLines(history.out).length,
      bytes: bytes.length,
      sha256: sha256(bytes),
    });
  });

  test.each([
    ['csv', /^session_id,seq,ts,event,.*\r\n/],
    ['ocsf', /^\{"activity_id":3,"activity_name":"Start",/],
    ['otlp', /^\{"resourceLogs":\[/],
  ])('%s goes to stdout and to a file alike', async (format, begins) => {
    const { code, out, err } = await cli.run('audit', 'export', id, '--format', format);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(begins);
    await cli.run('audit', 'export', id, '--format', format, '-o', `log.${format}`);
    expect(readFileSync(join(cli.stack.dir, `log.${format}`), 'utf8')).toBe(out);
  });

  test('filters by user and agent', async () => {
    const found = await cli.run('audit', 'export', '--user', 'ann@acme.com', '--agent', 'bot', '--format', 'jsonl');
    expect(new Set(jsonLines(found.out).map((record) => (record as { session_id: string }).session_id))).toContain(id);
    const none = await cli.run('audit', 'export', '--user', 'bob@acme.com', '--agent', 'bot', '--format', 'jsonl');
    expect(none).toMatchObject({ code: 2, out: '' });
    expect(none.err).toMatch(/The store has no session of agent bot and for user bob@acme\.com\.\n$/);
  });
});

describe('wrong use', () => {
  test.each([
    [[], 'Say which sessions: --session ID'],
    [['x', '--session', 'y'], 'Give the session once'],
    [['x', '--all'], '--all is every session'],
    [['--since', 'yesterday'], 'a time with its zone'],
    [['--since', '2026-01-31T12:00:00'], 'a time with its zone'],
    [['--until', '2026-02-30'], 'a time with its zone'],
    [['--since', '2026-02-01', '--until', '2026-01-31'], 'There is nothing between'],
    [['--all', '--from', 'history'], 'the log of one session'],
    [['x', '--since', '2026-01-01', '--from', 'history'], 'the log of one session'],
    [['x', '--format', 'csv', '--from', 'history'], '--from history gives jsonl, and not csv'],
    [['x', '--format', 'xml'], 'bundle, jsonl, csv, ocsf, otlp'],
  ])('%j is exit code 2 and one line', async (args, says) => {
    const { code, out, err } = await aegrail(['audit', 'export', ...args], { cwd: folder() });
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain(says);
    expect(err.trimEnd().split('\n')).toHaveLength(1);
  });
});

describe('of a store on disk', () => {
  /** A folder with a contract file and a store that has these sessions, named by the hour in which they start. */
  async function withSessions(hours: readonly number[], calls = 1): Promise<string> {
    const cwd = folder({ 'aegrail.json': JSON.stringify({ ...botConfig({}), store: 'sqlite:store.db' }) });
    const store = openSqliteStore(join(cwd, 'store.db'));
    for (const hour of hours) {
      const sample = { id: `at-${hour}`, startMs: JANUARY + hour * 3_600_000, calls };
      await store.append(sample.id, recordsOf(sample));
    }
    await store.close();
    return cwd;
  }

  async function selected(cwd: string, ...args: string[]): Promise<unknown[]> {
    const { out, err } = await aegrail(['audit', 'export', '--format', 'jsonl', ...args], { cwd });
    expect(err).toBe('');
    return [...new Set(jsonLines(out).map((record) => (record as { session_id: string }).session_id))];
  }

  test('times may have any zone, and a day is all of a day in UTC', async () => {
    const cwd = await withSessions([0, 12, 24, 36]);
    expect(await selected(cwd, '--all')).toEqual(['at-0', 'at-12', 'at-24', 'at-36']);
    expect(await selected(cwd, '--since', '2026-01-02')).toEqual(['at-24', 'at-36']);
    expect(await selected(cwd, '--until', '2026-01-01')).toEqual(['at-0', 'at-12']);
    expect(await selected(cwd, '--since', '2026-01-01', '--until', '2026-01-01')).toEqual(['at-0', 'at-12']);
    expect(await selected(cwd, '--since', '2026-01-01T14:00+02:00', '--until', '2026-01-02T01:00:00.5Z')).toEqual([
      'at-12',
      'at-24',
    ]);
  });

  test('a file is replaced when the new one is whole, through a link too, and a pipe is written to', async () => {
    const cwd = await withSessions([0]);
    mkdirSync(join(cwd, 'real'));
    writeFileSync(join(cwd, 'real', 'log.csv'), 'old');
    symlinkSync('real/log.csv', join(cwd, 'log.csv'));
    expect(await aegrail(['audit', 'export', 'at-1', '--format', 'csv', '-o', 'log.csv'], { cwd })).toMatchObject({
      code: 2,
    });
    expect(readFileSync(join(cwd, 'real', 'log.csv'), 'utf8')).toBe('old');
    const done = await aegrail(['audit', 'export', 'at-0', '--format', 'csv', '-o', 'log.csv'], { cwd });
    expect(done).toEqual({ code: 0, out: '', err: '5 lines in log.csv\n' });
    expect(readFileSync(join(cwd, 'real', 'log.csv'), 'utf8')).toMatch(/^session_id,/);
    expect(readdirSync(join(cwd, 'real'))).toEqual(['log.csv']);
    execFileSync('mkfifo', [join(cwd, 'pipe')]);
    const read = readFile(join(cwd, 'pipe'), 'utf8');
    await aegrail(['audit', 'export', 'at-0', '--format', 'csv', '-o', 'pipe'], { cwd });
    expect(await read).toBe(readFileSync(join(cwd, 'log.csv'), 'utf8'));
  });

  test('a place that can not be written to is named', async () => {
    const cwd = await withSessions([0]);
    for (const args of [
      ['-o', 'none/bundle'],
      ['-o', 'none/x.csv', '--format', 'csv'],
    ]) {
      const { code, out, err } = await aegrail(['audit', 'export', 'at-0', ...args], { cwd });
      expect({ code, out }).toEqual({ code: 2, out: '' });
      expect(err).toContain(`${args[1] ?? ''} can not be written: ENOENT`);
    }
    const here = await aegrail(['audit', 'export', 'at-0', '-o', '.'], { cwd });
    expect(here).toMatchObject({ code: 2, err: expect.stringContaining('is the current folder') as string });
  });

  test.each(['SIGINT', 'SIGTERM'] as const)('%s leaves nothing behind', async (signal) => {
    const cwd = await withSessions([0, 1, 2, 3], 4_000);
    for (const args of [
      ['-o', 'bundle'],
      ['-o', 'log.csv', '--format', 'csv'],
    ]) {
      const before = readdirSync(cwd);
      let hasBegun = false;
      const running = runAegrail(['audit', 'export', '--all', ...args], { cwd });
      const watcher = watch(cwd, (_event, name) => {
        if (!name?.endsWith('.partial') || hasBegun) return;
        hasBegun = true;
        running.child.kill(signal);
      });
      const end: End = await running.end;
      watcher.close();
      expect(hasBegun).toBe(true);
      expect(end).toMatchObject({ code: 130, err: expect.stringContaining('stopped before its end') as string });
      expect(existsSync(join(cwd, args[1] ?? ''))).toBe(false);
      expect(readdirSync(cwd).filter((name) => !name.startsWith('store.db'))).toEqual(
        before.filter((name) => !name.startsWith('store.db')),
      );
    }
  });

  test('Ctrl-C is heard when stdout is a file', async () => {
    const cwd = await withSessions([0, 1, 2, 3], 4_000);
    const file = openSync(join(cwd, 'out.jsonl'), 'w');
    const child = spawn(process.execPath, [BIN, 'audit', 'export', '--all', '--format', 'jsonl'], {
      cwd,
      env: cleanEnv(),
      stdio: ['ignore', file, 'pipe'],
    });
    closeSync(file);
    const watcher = watch(join(cwd, 'out.jsonl'), () => child.kill('SIGINT'));
    const code = await new Promise((done) => child.on('close', done));
    watcher.close();
    expect(code).toBe(130);
    const { size } = statSync(join(cwd, 'out.jsonl'));
    expect(size).toBeGreaterThan(0);
    // Four sessions of 8,002 records, of which none has less than 500 bytes.
    expect(size).toBeLessThan(4 * 8_002 * 500);
  });

  test('a reader that goes away ends it without a word', async () => {
    const cwd = await withSessions([0], 4_000);
    const running = runAegrail(['audit', 'export', '--all', '--format', 'jsonl'], { cwd });
    await running.lineOf(/./);
    running.child.stdout?.destroy();
    expect(await running.end).toMatchObject({ code: 0, err: '' });
  });
});
