import { execFileSync, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { beforeAll, describe, test } from 'vitest';
import { portOf } from '../../src/devserver/ports.ts';
import { hasNamespace } from '../../src/devserver/ready.ts';
import { startDevServer } from '../../src/devserver/server.ts';
import type { DevServer, DevServerOptions } from '../../src/devserver/server.ts';
import { isRunning, realBinary, script, tempDir, until } from './support.ts';

let binary = '';
beforeAll(async () => {
  binary = await realBinary('temporal');
}, 120_000);

async function start(options: Omit<DevServerOptions, 'binary'> = {}): Promise<DevServer> {
  return startDevServer({ binary, ...options });
}

async function clientOf(server: DevServer, namespace: string): Promise<Client> {
  return new Client({ connection: await Connection.connect({ address: server.address }), namespace });
}

describe.concurrent('a server that starts', { timeout: 20_000 }, () => {
  test('is ready at once, keeps its workflows in the file, and stops', async ({ expect, onTestFinished }) => {
    const dbFile = join(tempDir(onTestFinished), 'new', 'dir', 'temporal.db');
    const options = { namespace: 'other', searchAttributes: { Team: 'Keyword' }, dbFile };
    const lines: string[] = [];
    const first = await start({ ...options, onProgress: (line) => lines.push(line) });
    onTestFinished(first.stop);
    expect(lines).toHaveLength(2);
    const client = await clientOf(first, 'other');
    await client.workflow.start('kept', { taskQueue: 'nobody', workflowId: 'kept', searchAttributes: { Team: ['a'] } });
    await client.connection.close();
    const group = execFileSync('ps', ['-o', 'pgid=', '-p', String(first.pid)], { encoding: 'utf8' });
    expect(Number(group)).toBe(first.pid);
    await Promise.all([first.stop(), first.stop()]);
    expect(await first.exited).toBe(0);
    expect(isRunning(first.pid)).toBe(false);
    expect(await hasNamespace(first.address, 'other')).toBe(false);

    const second = await start(options);
    onTestFinished(second.stop);
    const sameClient = await clientOf(second, 'other');
    const description = await sameClient.workflow.getHandle('kept').describe();
    await sameClient.connection.close();
    expect(description.status.name).toBe('RUNNING');
    expect(await hasNamespace(second.address, 'default')).toBe(true);
    expect(await hasNamespace(second.address, 'n'.repeat(200))).toBe(false);
  });

  test('does not outlive a parent that is killed', async ({ expect }) => {
    const module = new URL('../../src/devserver/server.ts', import.meta.url).href;
    const code = `import { startDevServer } from '${module}';
      const server = await startDevServer({ binary: process.argv[1] });
      console.log(server.pid);`;
    const args = ['--input-type=module', '-e', code, binary];
    const parent = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const pid = await new Promise<number>((done) => {
      parent.stdout.once('data', (data: Buffer) => {
        done(Number(data.toString()));
      });
    });
    expect(isRunning(pid)).toBe(true);
    parent.kill('SIGKILL');
    await until(() => !isRunning(pid));
  });

  test('has a Web UI, and stops when its signal is aborted', async ({ expect, onTestFinished }) => {
    const abort = new AbortController();
    const server = await start({ signal: abort.signal });
    onTestFinished(server.stop);
    await until(() =>
      fetch(server.uiUrl).then(
        (response) => response.ok,
        () => false,
      ),
    );
    abort.abort();
    expect(await server.exited).toBe(0);
  });
});

describe('a server that does not start', { timeout: 20_000 }, () => {
  test.for(['port', 'uiPort'] as const)(
    'because its %s is taken: the error names the port',
    async (which, { expect, onTestFinished }) => {
      const other = createServer().listen(0, '127.0.0.1');
      onTestFinished(() => void other.close());
      await new Promise((done) => other.once('listening', done));
      const port = portOf(other);
      await expect(start({ [which]: port })).rejects.toMatchObject({
        code: 'port_taken',
        message: expect.stringContaining(`port ${String(port)} `),
      });
    },
  );

  test('because the program ends: the error has its code and last words', async ({ expect }) => {
    const bad = script(tempDir(), 'temporal', 'echo "the disk is full" >&2', 'exit 3');
    const started = startDevServer({ binary: bad });
    await expect(started).rejects.toMatchObject({
      code: 'exited_early',
      message: expect.stringMatching(/code 3 .*the disk is full/),
    });
  });

  test('because the file is no database: the server says so itself', async ({ expect }) => {
    const started = start({ dbFile: script(tempDir(), 'not-a.db', 'exit 0') });
    await expect(started).rejects.toMatchObject({
      code: 'exited_early',
      message: expect.stringContaining('not a database'),
    });
  });

  test('because there is no such binary', async ({ expect }) => {
    const started = startDevServer({ binary: join(tempDir(), 'none') });
    await expect(started).rejects.toMatchObject({ code: 'binary_unusable' });
  });

  test('because it was aborted while starting: nothing is left running', async ({ expect }) => {
    const dir = tempDir();
    const pidFile = join(dir, 'pid');
    const deaf = script(dir, 'temporal', `echo $$ > ${pidFile}.part`, `mv ${pidFile}.part ${pidFile}`, 'exec sleep 60');
    const abort = new AbortController();
    const started = startDevServer({ binary: deaf, signal: abort.signal });
    void until(() => existsSync(pidFile)).then(() => {
      abort.abort();
    });
    await expect(started).rejects.toThrow('aborted');
    const pid = Number(readFileSync(pidFile, 'utf8'));
    expect(pid).toBeGreaterThan(1);
    expect(isRunning(pid)).toBe(false);
  });
});
