import { expect, test } from 'vitest';
import { failureOf, textOf } from './outcome.ts';
import { fixture, isAlive, testPool } from './pool-kit.ts';

test('describe reads all pages, and a call answers with the text', async () => {
  const pool = testPool({ shop: fixture() });
  const tools = await pool.describe('shop');
  expect(Object.keys(tools)).toContain('echo');
  expect(Object.keys(tools)).toContain('change');
  expect(tools['echo']).toEqual({
    description: 'The tool echo.',
    inputSchema: { type: 'object', properties: { text: { type: 'string' } }, required: ['text'] },
  });
  expect(await pool.run('echo', { text: 'hällo' })).toEqual({ ok: true, result: { text: 'hällo', isError: false } });
});

test('concurrent first calls share one process, and close ends it', async () => {
  const pool = testPool({ shop: fixture() });
  const outcomes = await Promise.all(Array.from({ length: 8 }, () => pool.run('pid')));
  const pids = new Set(outcomes.map(textOf));
  expect(pids.size).toBe(1);
  const pid = Number([...pids][0]);
  expect(isAlive(pid)).toBe(true);
  await pool.close();
  expect(isAlive(pid)).toBe(false);
  expect(failureOf(await pool.run('pid'))).toMatchObject({ code: 'connect_failed', started: 'no' });
});

test('a server sees nothing of the worker but the harmless variables', async () => {
  const env = {
    PATH: process.env['PATH'],
    HOME: '/home/w',
    LC_ALL: 'C',
    OPENAI_API_KEY: 'sk-worker',
    SHOP_TOKEN: 'tok-1',
    USER: 'w',
    NODE_OPTIONS: '',
  };
  const server = {
    command: process.execPath,
    args: ['test/fixtures/mcp/stdio.ts'],
    env: { TOKEN: '${SHOP_TOKEN}', REGION: '${REGION:-eu}' },
  };
  const pool = testPool({ shop: server }, { env });
  const seen = JSON.parse(textOf(await pool.run('env'))) as Record<string, string>;
  expect(seen).toEqual({ PATH: env.PATH, HOME: '/home/w', LC_ALL: 'C', TOKEN: 'tok-1', REGION: 'eu' });
});

test('a server that dies in mid-call loses that call, and the next one has a new process', async () => {
  const pool = testPool({ shop: fixture() });
  const before = textOf(await pool.run('pid'));
  const slow = pool.run('slow');
  await pool.untilLogged('slow: started');
  expect(failureOf(await pool.run('die'))).toMatchObject({
    code: 'connection_lost',
    started: 'maybe',
    retryable: true,
  });
  expect(failureOf(await slow)).toMatchObject({ code: 'connection_lost', started: 'maybe' });
  expect(textOf(await pool.run('pid'))).not.toBe(before);
});

test('a server that ends between two calls is started again without a call being lost', async () => {
  const pool = testPool({ shop: fixture() });
  const pid = Number(textOf(await pool.run('pid')));
  process.kill(pid);
  await pool.untilLogged('MCP connection closed');
  expect(textOf(await pool.run('pid'))).not.toBe(String(pid));
});

test('an abort reaches the server, and the connection lives on', async () => {
  const pool = testPool({ shop: fixture() });
  const pid = textOf(await pool.run('pid'));
  const abort = new AbortController();
  const slow = pool.run('slow', {}, { signal: abort.signal });
  await pool.untilLogged('slow: started');
  abort.abort();
  expect(failureOf(await slow)).toMatchObject({ code: 'cancelled', started: 'maybe', retryable: false });
  await pool.untilLogged('slow: cancelled');
  expect(textOf(await pool.run('pid'))).toBe(pid);
  expect(failureOf(await pool.run('echo', { text: '' }, { signal: abort.signal }))).toMatchObject({
    code: 'cancelled',
    started: 'no',
  });
});

test('a timeout is told to the server too', async () => {
  const pool = testPool({ shop: fixture() });
  await pool.run('pid');
  expect(failureOf(await pool.run('slow', {}, { timeoutMs: 300 }))).toMatchObject({
    code: 'timeout',
    started: 'maybe',
  });
  await pool.untilLogged('slow: cancelled');
});

test('a call that is cancelled while connecting does not take the connect from others', async () => {
  const pool = testPool({ shop: fixture() });
  const abort = new AbortController();
  const [first, second] = [pool.run('pid', {}, { signal: abort.signal }), pool.run('pid')];
  abort.abort();
  expect(failureOf(await first)).toMatchObject({ code: 'cancelled', started: 'no' });
  expect(Number(textOf(await second))).toBeGreaterThan(0);
});

test('a program that is not there, one that ends at once and one that is silent can not be connected to', async () => {
  const servers = {
    none: { command: './no-such-program' },
    ends: { command: process.execPath, args: ['--eval', ''] },
    silent: fixture('silent'),
  };
  const pool = testPool(servers, { connectTimeoutMs: 1_000 });
  const run = (server: string) => pool.run('echo', {}, { server }).then(failureOf);
  expect(await run('none')).toMatchObject({ code: 'connect_failed', started: 'no', retryable: false });
  expect(await run('ends')).toMatchObject({ code: 'connect_failed', started: 'no', retryable: true });
  expect(await run('silent')).toMatchObject({ code: 'connect_failed', started: 'no', retryable: true });
  await expect(pool.describe('none')).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: expect.stringContaining('"none"') as string,
  });
  await expect(pool.describe('other')).rejects.toThrow('mcpServers has none, ends, silent');
});

test('stderr is logged line by line, and a long line is cut', async () => {
  const pool = testPool({ shop: fixture('noisy') });
  await pool.run('pid');
  await pool.untilLogged('second line');
  const line = pool.logged
    .map((text) => JSON.parse(text) as { stderr?: string; level: number })
    .find(({ stderr }) => stderr?.startsWith('nnn'));
  expect(line?.stderr).toHaveLength(2_000);
  expect(line?.level).toBe(20);
});

test('a server that speaks only the protocol of 2026 is understood', async () => {
  const pool = testPool({ shop: fixture('modern-only') });
  expect(textOf(await pool.run('echo', { text: 'new' }))).toBe('new');
});
