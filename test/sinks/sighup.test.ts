import { execFile, execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, readlinkSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, inject, test, vi } from 'vitest';
import { lineOf } from '../../src/core/chain.ts';
import { type ModelEndpoint, sequence, startModelEndpoint } from '../../src/model-endpoint/index.ts';
import { openStore } from '../../src/store/open.ts';
import { aegrail, folder, runAegrail } from '../cli/kit.ts';

const CONTRACT = `
agents:
  bot: { model: openai/gpt-5.4-mini, limits: { usd: 1 } }
store: sqlite:store.db
sinks: [ { file: logs/audit.jsonl } ]
`;

let endpoint: ModelEndpoint;
let env: Record<string, string>;
beforeAll(async () => {
  endpoint = await startModelEndpoint({ script: sequence([{ say: 'Done.' }]) });
  env = { OPENAI_BASE_URL: endpoint.openaiBaseUrl, OPENAI_API_KEY: 'test' };
});
afterAll(() => endpoint.stop());

async function runSession(id: string, cwd: string): Promise<void> {
  const args = ['start', 'bot', '--user', 'ann', '--input', 'Go.', '--session', id, '--wait'];
  expect(await aegrail(args, { cwd })).toMatchObject({ code: 0, out: 'Done.\n' });
}

function linesOf(...paths: readonly string[]): readonly string[] {
  return paths.flatMap((path) => readFileSync(path, 'utf8').split('\n').slice(0, -1));
}

async function stored(cwd: string, ids: readonly string[]): Promise<readonly string[]> {
  const store = await openStore('sqlite:store.db', cwd);
  const records = await Promise.all(ids.map((id) => Array.fromAsync(store.records(id))));
  await store.close();
  return records.flat().map(lineOf);
}

/** The files under a folder that a process has open. */
function openFilesOf(pid: number, under: string): readonly string[] {
  return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
    try {
      const target = readlinkSync(`/proc/${pid}/fd/${fd}`);
      return target.startsWith(under) ? [target.slice(under.length + 1)] : [];
    } catch {
      return [];
    }
  });
}

test('a worker goes on in a new file after what logrotate does, and loses nothing', async () => {
  const cwd = folder({ 'aegrail.yaml': `${CONTRACT}taskQueue: sighup-worker\n` });
  const logs = join(cwd, 'logs');
  const [path, moved, movedAgain] = ['audit.jsonl', 'audit.jsonl.1', 'audit.jsonl.2'].map((name) => join(logs, name));
  if (path === undefined || moved === undefined || movedAgain === undefined) throw new TypeError();
  const worker = runAegrail(['worker', '--json'], { cwd, env });
  const pid = worker.child.pid ?? 0;
  await worker.lineOf(/ready/);
  await runSession('hup-1', cwd);
  const first = await stored(cwd, ['hup-1']);
  await vi.waitFor(() => expect(linesOf(path)).toEqual(first), { interval: 10 });

  renameSync(path, moved);
  worker.child.kill('SIGHUP');
  await vi.waitFor(() => expect(existsSync(path)).toBe(true), { interval: 10, timeout: 10_000 });
  if (process.platform === 'linux')
    await vi.waitFor(() => expect(openFilesOf(pid, logs)).toEqual(['audit.jsonl']), { interval: 10 });
  expect(linesOf(path)).toEqual([]);

  // And in the middle of sessions.
  const ids = ['hup-2', 'hup-3', 'hup-4'];
  const running = Promise.all(ids.map((id) => runSession(id, cwd)));
  await vi.waitFor(() => expect(linesOf(path).length).toBeGreaterThan(0), { interval: 5, timeout: 20_000 });
  renameSync(path, movedAgain);
  worker.child.kill('SIGHUP');
  await running;
  const all = await stored(cwd, ['hup-1', ...ids]);
  worker.child.kill('SIGTERM');
  expect(await worker.end).toMatchObject({ code: 0, err: expect.stringContaining('SIGHUP: ') as string });
  expect([...linesOf(moved, movedAgain, path)].sort()).toEqual([...all].sort());
  expect(linesOf(moved)).toEqual(first);
});

test('so does up; and a SIGHUP before it is ready is not its end', async () => {
  const cwd = folder({ 'aegrail.yaml': `${CONTRACT}taskQueue: sighup-up\n` });
  const path = join(cwd, 'logs/audit.jsonl');
  const up = runAegrail(['up', '--address', inject('address')], { cwd, env });
  await new Promise<void>((done) => up.child.stderr?.once('data', () => done()));
  up.child.kill('SIGHUP');
  await up.lineOf(/^ready: /);
  await runSession('hup-up', cwd);
  await vi.waitFor(async () => expect(linesOf(path)).toEqual(await stored(cwd, ['hup-up'])), { interval: 20 });
  renameSync(path, `${path}.1`);
  up.child.kill('SIGHUP');
  await vi.waitFor(() => expect(existsSync(path)).toBe(true), { interval: 10, timeout: 10_000 });
  up.child.kill('SIGINT');
  expect((await up.end).code).toBe(0);
});

test('a SIGHUP by hand is for files; one by which a closed terminal goes away is an end', async () => {
  const module = new URL('../../src/cli/stop-signals.ts', import.meta.url).href;
  const program = `
    import { writeFileSync } from 'node:fs';
    import { listenWhileServing } from '${module}';
    const signals = listenWhileServing(() => process.exit(9));
    signals.onHangUp(() => process.stdout.write('anew\\n'));
    signals.signal.addEventListener('abort', () => process.exit(7));
    setInterval(() => {}, 1000);
    process.stdout.write('ready\\n');`;
  // A terminal of its own, which is closed by whoever holds its other end.
  const terminal = `
import os, pty, signal, sys
pid, other_end = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:])
def read_until(word):
    seen = b''
    while word not in seen:
        seen += os.read(other_end, 1000)
read_until(b'ready')
os.kill(pid, signal.SIGHUP)
read_until(b'anew')
os.close(other_end)
_, status = os.waitpid(pid, 0)
print(os.waitstatus_to_exitcode(status))
`;
  const args = ['-c', terminal, process.execPath, '--input-type=module', '-e', program];
  const { stdout } = await promisify(execFile)('python3', args, { timeout: 30_000 });
  expect(stdout.trim()).toBe('7');
});

test('without a terminal every SIGHUP is for files, and other commands still end on it', () => {
  const module = new URL('../../src/cli/stop-signals.ts', import.meta.url).href;
  const programFor = (listen: string): string => `
    import { ${listen} } from '${module}';
    const signals = ${listen}(() => process.exit(9));
    signals.onHangUp?.(() => process.exit(5));
    signals.signal.addEventListener('abort', () => process.exit(7));
    setInterval(() => {}, 1000);
    process.kill(process.pid, 'SIGHUP');`;
  const codeOf = (listen: string): number => {
    try {
      execFileSync(process.execPath, ['--input-type=module', '-e', programFor(listen)], { stdio: 'ignore' });
      return 0;
    } catch (error) {
      return (error as { status: number }).status;
    }
  };
  expect([codeOf('listenWhileServing'), codeOf('listenForStop')]).toEqual([5, 7]);
});
