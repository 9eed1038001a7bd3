import { execFileSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { Connection } from '@temporalio/client';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { portOf } from '../../src/devserver/ports.ts';
import { type ModelEndpoint, sequence, startModelEndpoint } from '../../src/model-endpoint/index.ts';
import { aegrail, aegrailProcess, folder, runAegrail } from './kit.ts';

const CONTRACT = `
agents:
  bot:
    model: openai/gpt-5.4-mini
    tools: { look: { module: ./tools.ts } }
    limits: { usd: 1 }
taskQueue: up-test
`;
const TOOLS = `
import { defineTool } from 'aegrail';
import { z } from 'zod';
export const look = defineTool({ description: 'Looks.', input: z.object({}), execute: () => { console.log('a tool that talks'); return 'seen'; } });
`;

let endpoint: ModelEndpoint;
let env: Record<string, string>;

beforeAll(async () => {
  endpoint = await startModelEndpoint({
    script: sequence([{ call: [{ tool: 'look', args: {} }] }, { say: 'I have seen it.' }]),
  });
  env = { OPENAI_BASE_URL: endpoint.openaiBaseUrl, OPENAI_API_KEY: 'test' };
});

afterAll(() => endpoint.stop());

/** The processes below one, and theirs. */
function descendants(pid: number): number[] {
  const table = execFileSync('ps', ['-e', '-o', 'pid=,ppid='], { encoding: 'utf8' }).trim().split('\n');
  const rows = table.map((row) => row.trim().split(/\s+/).map(Number));
  const below = (parent: number): number[] =>
    rows.filter(([, ppid]) => ppid === parent).flatMap(([child = 0]) => [child, ...below(child)]);
  return below(pid);
}

function isRunning(pid: number): boolean {
  try {
    return !execFileSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' }).startsWith('Z');
  } catch {
    return false;
  }
}

interface Ready {
  readonly event: string;
  readonly address: string;
  readonly ui: string | null;
  readonly taskQueue: string;
  readonly agents: string[];
}

test('up runs a session, ends with Ctrl-C and no child process left, and --db keeps what was', async () => {
  const cwd = folder({ 'aegrail.yaml': CONTRACT, 'tools.ts': TOOLS });
  const args = ['up', '--port', '0', '--ui-port', '0', '--db', join(cwd, 'state', 'temporal.db'), '--json'];
  // Settings of another server are not for our own.
  const up = runAegrail(args, { cwd, env: { ...env, TEMPORAL_API_KEY: 'of another server' } });
  const ready = JSON.parse(await up.lineOf(/ready/)) as Ready;
  expect(ready).toMatchObject({ event: 'ready', taskQueue: 'up-test', agents: ['bot/v1'] });
  const page = await fetch(ready.ui ?? '');
  expect(page.ok).toBe(true);
  const children = descendants(up.child.pid ?? 0);
  expect(children.length).toBeGreaterThan(0);

  const start = await aegrail(
    ['start', 'bot', '--user', 'ann', '--input', 'Look.', '--session', 'kept', '--wait', '--address', ready.address],
    { cwd },
  );
  expect(start).toEqual({ code: 0, out: 'I have seen it.\n', err: '' });
  const idle = await aegrail(['sessions', '--state', 'idle', '--address', ready.address], { cwd });
  expect(idle).toEqual({ code: 0, out: '', err: 'There are no sessions.\n' });

  up.child.kill('SIGINT');
  // A terminal, npm and a parent each pass Ctrl-C on: twice at once is once.
  up.child.kill('SIGINT');
  const end = await up.end;
  expect(end.code).toBe(0);
  expect(end.out.split('\n')).toHaveLength(1);
  expect(end.err).toContain('a tool that talks');
  await expect.poll(() => children.filter(isRunning)).toEqual([]);

  const again = runAegrail(args, { cwd, env });
  const { address } = JSON.parse(await again.lineOf(/ready/)) as Ready;
  expect(await aegrail(['show', 'kept', '--address', address])).toMatchObject({
    code: 0,
    out: expect.stringContaining('I have seen it.') as string,
  });
  again.child.kill('SIGTERM');
  expect((await again.end).code).toBe(0);
});

/** A namespace that takes no search attributes any more. What other tests share is left alone. */
async function fullNamespace(address: string): Promise<string> {
  const connection = await Connection.connect({ address });
  const { workflowService, operatorService } = connection;
  const namespace = `full-${crypto.randomUUID()}`;
  const searchAttributes = Object.fromEntries(Array.from({ length: 9 }, (_, index) => [`Theirs${index}`, 2]));
  await workflowService.registerNamespace({
    namespace,
    workflowExecutionRetentionPeriod: { seconds: 86_400 as never },
  });
  // A namespace that was just made is not everywhere yet.
  const add = (): Promise<boolean> =>
    operatorService.addSearchAttributes({ namespace, searchAttributes }).then(
      () => true,
      () => false,
    );
  await expect.poll(add).toBe(true);
  await connection.close();
  return namespace;
}

test('up with --address starts no server, and says so', async () => {
  const cwd = folder({ 'aegrail.yaml': CONTRACT, 'tools.ts': TOOLS });
  const address = inject('address');
  const namespace = await fullNamespace(address);
  const up = runAegrail(['up', '--address', address, '--namespace', namespace], { cwd, env });
  const line = await up.lineOf(/^ready: /);
  expect(line).toContain(`bot/v1 on ${address}`);
  expect(line).not.toContain('Web UI');
  up.child.kill('SIGINT');
  const { code, out, err } = await up.end;
  expect({ code, out }).toEqual({ code: 0, out: line });
  expect(err).toMatch(/does not take the search attributes .* Sessions run without them\./);
});

test('a port that is taken is named, with the option that names another', async () => {
  const taken = createServer();
  await new Promise<void>((done) => taken.listen(0, '127.0.0.1', done));
  const port = portOf(taken);
  const cwd = folder({ 'aegrail.yaml': CONTRACT, 'tools.ts': TOOLS });
  const { code, out, err } = await aegrailProcess(['up', '--port', String(port), '--ui-port', '0'], { cwd, env });
  const ui = await aegrailProcess(['up', '--port', '0', '--ui-port', String(port)], { cwd, env });
  taken.close();
  expect({ code, out }).toEqual({ code: 2, out: '' });
  expect(err).toContain(`Port ${port} is in use by another process. Name another with --port`);
  expect(err).toContain(`--address 127.0.0.1:${port}`);
  expect(ui).toMatchObject({ code: 2, err: expect.stringContaining('--ui-port') as string });
});

test('a contract that is found wrong after the server has started takes the server along', async () => {
  const cwd = folder({ 'aegrail.yaml': CONTRACT, 'tools.ts': 'export {}' });
  const up = runAegrail(['up', '--port', '0', '--ui-port', '0'], { cwd, env });
  let children: number[] = [];
  up.child.stderr?.on('data', () => (children = [...children, ...descendants(up.child.pid ?? 0)]));
  expect(await up.end).toMatchObject({ code: 2, out: '', err: expect.stringContaining('aegrail.yaml:5:') as string });
  expect(children.length).toBeGreaterThan(0);
  await expect.poll(() => children.filter(isRunning)).toEqual([]);
});

test('a worker that can not write its ready file ends', async () => {
  const cwd = folder({ 'aegrail.yaml': CONTRACT, 'tools.ts': TOOLS });
  const { code, err } = await aegrailProcess(['worker', '--ready-file', join(cwd, 'none', 'ready')], { cwd, env });
  expect(code).toBe(2);
  expect(err).toContain('--ready-file');
});

test('a worker alone keeps its ready file while it takes work', async () => {
  const cwd = folder({ 'aegrail.yaml': CONTRACT, 'tools.ts': TOOLS });
  const ready = join(cwd, 'ready');
  const worker = runAegrail(['worker', '--ready-file', ready, '--json'], { cwd, env });
  const line = JSON.parse(await worker.lineOf(/ready/)) as Ready;
  expect(line).toMatchObject({ event: 'ready', taskQueue: 'up-test', namespace: 'default', agents: ['bot/v1'] });
  const firstMs = statSync(ready).mtimeMs;
  await expect.poll(() => statSync(ready).mtimeMs).toBeGreaterThan(firstMs);
  worker.child.kill('SIGTERM');
  expect((await worker.end).code).toBe(0);
  expect(existsSync(ready)).toBe(false);
});

test('a rejection that a tool leaves behind does not end the worker', async () => {
  const late = TOOLS.replace("return 'seen';", "void Promise.reject(new Error('left behind')); return 'seen';");
  const cwd = folder({ 'aegrail.yaml': CONTRACT.replace('up-test', 'late-test'), 'tools.ts': late });
  const worker = runAegrail(['worker', '--json'], { cwd, env });
  await worker.lineOf(/ready/);
  for (const input of ['one', 'two']) {
    const { code, out } = await aegrail(['start', 'bot', '--user', 'ann', '--input', input, '--wait'], { cwd });
    expect({ code, out }).toEqual({ code: 0, out: 'I have seen it.\n' });
  }
  worker.child.kill('SIGTERM');
  const { code, err } = await worker.end;
  expect(code).toBe(0);
  expect(err).toContain('left behind');
  expect(err).toContain('nobody waited for it');
});

test('a worker without a key says which variable to set, and so does the session that needs it', async () => {
  const cwd = folder({ 'aegrail.yaml': CONTRACT.replace('up-test', 'key-test'), 'tools.ts': TOOLS });
  const worker = runAegrail(['worker', '--json'], { cwd });
  await worker.lineOf(/ready/);
  const asked = await aegrail(['start', 'bot', '--user', 'ann', '--input', 'x', '--wait'], { cwd });
  expect(asked.code).toBe(1);
  expect(asked.err).toContain('has no key for this provider');
  worker.child.kill('SIGTERM');
  expect((await worker.end).err).toContain('set OPENAI_API_KEY for the worker');
});
