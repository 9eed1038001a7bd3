import { createHmac } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openSinks } from '../../src/sinks/open.ts';
import { chainedSession } from '../suites/sink.ts';
import { type Receiver, startReceiver } from './http-receiver.ts';

const records = chainedSession('s1', 2);

let folder: string;
let receiver: Receiver;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'aegrail-open-'));
  receiver = await startReceiver();
});
afterEach(async () => {
  await receiver.close();
  rmSync(folder, { recursive: true });
});

test('a file, its paths relative to the contract file, with variables', async () => {
  const [sink] = openSinks([{ file: 'logs/${WHO:-w}.jsonl', maxBytes: 2500, keep: 1 }], folder, { WHO: 'w1' });
  await sink?.write(records);
  await sink?.close();
  expect(readdirSync(join(folder, 'logs'))).toHaveLength(2);
  expect(readdirSync(join(folder, 'logs'))).toContain('w1.jsonl');
});

test('a webhook, with all that it can be given', async () => {
  const webhook = {
    url: receiver.url,
    headers: { authorization: 'Bearer ${TOKEN}' },
    timeoutSeconds: 1,
    secretEnv: 'HOOK_KEY',
    maxRecords: 2,
    spool: 'spool',
    backoffSeconds: 0.01,
    maxBackoffSeconds: 0.1,
  };
  const [sink] = openSinks([{ webhook }], folder, { TOKEN: 't0ken', HOOK_KEY: 'k3y' });
  await sink?.write(records);
  await sink?.close();
  expect(receiver.requests.map(({ body }) => (JSON.parse(body) as unknown[]).length)).toEqual([2, 2, 2]);
  const { headers, body } = receiver.requests[0] as Receiver['requests'][number];
  expect(headers.authorization).toBe('Bearer t0ken');
  const time = /^t=(\d+),/.exec(String(headers['aegrail-signature']))?.[1];
  const mac = createHmac('sha256', 'k3y').update(`${time}.${body}`).digest('hex');
  expect(headers['aegrail-signature']).toBe(`t=${time},v1=${mac}`);
  expect(readdirSync(join(folder, 'spool'))).toEqual(['lock']);
});

test.each([undefined, ''])('a key that is not there (%j) ends it at the start', (value) => {
  const open = (): unknown =>
    openSinks([{ stdout: true }, { webhook: { url: receiver.url, secretEnv: 'HOOK_KEY' } }], folder, {
      HOOK_KEY: value,
    });
  expect(open).toThrow(
    expect.objectContaining({
      code: 'CONFIG_INVALID',
      message: expect.stringContaining('sinks.1.webhook.secretEnv: the environment has no variable HOOK_KEY'),
    }),
  );
});

test('so do a header that names a variable which is not there, and a spool that can not be made', () => {
  expect(() => openSinks([{ webhook: { url: receiver.url, headers: { a: '${NONE}' } } }], folder, {})).toThrow(
    'sinks.0.webhook.headers.a: the environment has no variable NONE',
  );
  writeFileSync(join(folder, 'spool'), 'in the way');
  expect(() => openSinks([{ webhook: { url: receiver.url, spool: 'spool' } }], folder, {})).toThrow(
    expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringContaining('the spool can not be made') }),
  );
});
