import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { failureOf, textOf } from './outcome.ts';
import { fixture, ROOT, testPool } from './pool-kit.ts';

test('5 MB come through whole, and are cut at a character', async () => {
  const pool = testPool({ shop: fixture() });
  const whole = textOf(await pool.run('big', {}, { maxBytes: 6_000_000 }));
  expect(whole).toBe('é'.repeat(2_500_000));
  const cut = textOf(await pool.run('big', {}, { maxBytes: 1_000 }));
  expect(Buffer.byteLength(cut)).toBeLessThanOrEqual(1_000);
  expect(cut).toMatch(/^é+\n… cut at \d+ of 5000000 bytes$/);
});

test('a message that is larger than the worker takes costs the connection, not the worker', async () => {
  const pool = testPool({ shop: fixture('stubborn') });
  await pool.run('pid');
  expect(failureOf(await pool.run('huge', {}, { timeoutMs: 15_000 }))).toMatchObject({
    code: 'result_too_large',
    retryable: false,
  });
  expect(textOf(await pool.run('echo', { text: 'still here' }))).toBe('still here');
});

test('what a tool answers with becomes text', async () => {
  const pool = testPool({ shop: fixture() });
  expect(await pool.run('error')).toEqual({ ok: true, result: { text: 'out of stock', isError: true } });
  expect(textOf(await pool.run('structured'))).toBe('{"total":7}');
  expect(textOf(await pool.run('parts'))).toBe(
    'a pixel:\n[image image/png 70 bytes]\n[resource_link file:///orders/7 order 7]\n[resource file:///orders/8 text/plain]\norder 8',
  );
});

test('a server that lies or throws is a failure of protocol', async () => {
  const pool = testPool({ shop: fixture() });
  expect(failureOf(await pool.run('wrong_output'))).toMatchObject({
    code: 'protocol',
    started: 'yes',
    retryable: false,
  });
  const thrown = failureOf(await pool.run('throws'));
  expect(thrown).toMatchObject({ code: 'protocol', started: 'maybe' });
  expect(thrown.message).toContain('the shop burned down');
  expect(failureOf(await pool.run('nothing_like_it'))).toMatchObject({ code: 'unknown_tool', started: 'no' });
  expect(failureOf(await pool.run('echo', ['text']))).toMatchObject({ code: 'invalid_arguments', started: 'no' });
});

test('a tool that is listed with an invalid schema is named, and does not harm the others', async () => {
  const pool = testPool({ shop: fixture('bad-schema') });
  await expect(pool.describe('shop')).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: expect.stringMatching(/"shop", tool "broken".*inputSchema/) as string,
  });
  expect(textOf(await pool.run('echo', { text: 'fine' }))).toBe('fine');
  expect(failureOf(await pool.run('broken'))).toMatchObject({ code: 'protocol', started: 'no' });
});

test('a tool that takes something else than was pinned does not run', async () => {
  const pinned = (await testPool({ shop: fixture() }).describe('shop'))['echo']!.inputSchema;
  const reordered = Object.fromEntries(Object.entries(pinned).toReversed());
  const pool = testPool({ shop: fixture() });
  const call = { expectedSchema: reordered };
  expect(textOf(await pool.run('echo', { text: 'same' }, call))).toBe('same');
  await pool.run('change');
  expect(failureOf(await pool.run('echo', { text: 'now' }, call))).toMatchObject({
    code: 'contract_drift',
    started: 'no',
    retryable: false,
  });
});

test('the official filesystem server, built on version 1 of the SDK, reads a real file', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'aegrail-fs-'));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  writeFileSync(join(dir, 'orders.txt'), 'order 7: shipped\n');
  const entry = join(ROOT, 'node_modules/@modelcontextprotocol/server-filesystem/dist/index.js');
  const pool = testPool(
    { files: { command: process.execPath, args: [entry, '${ORDERS}'] } },
    { env: { ...process.env, ORDERS: dir } },
  );
  const tool = (await pool.describe('files'))['read_text_file']!;
  expect(tool.inputSchema).toMatchObject({ type: 'object', required: ['path'] });
  const call = { expectedSchema: tool.inputSchema };
  expect(textOf(await pool.run('read_text_file', { path: join(dir, 'orders.txt') }, call))).toContain(
    'order 7: shipped',
  );
  expect(await pool.run('read_text_file', { path: '/etc/hostname' })).toMatchObject({
    ok: true,
    result: { isError: true },
  });
});
