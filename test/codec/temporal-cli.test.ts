import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { regenerateLog } from '../../src/audit/regenerate.ts';
import { openPayloadCodec } from '../../src/codec/setting.ts';
import { generatePayloadKey } from '../../src/codec/keys.ts';
import { lineOf } from '../../src/core/chain.ts';
import { aegrail, type End, runAegrail } from '../cli/kit.ts';
import type { Stack } from '../harness/stack.ts';
import { historyFromJson } from '../replay/history-json.ts';
import { playWords, WORDS, wordsStack } from './words-session.ts';

const TOKEN = 'token-of-the-test-0123456789';
const keys = generatePayloadKey('k1');

let stack: Stack;
let answered: string;

beforeAll(async () => {
  stack = await wordsStack(inject('address'), keys);
  ({ answered } = await playWords(stack));
}, 120_000);
afterAll(() => stack.close());

/** Runs Temporal's own CLI. */
async function temporal(...args: string[]): Promise<string> {
  const server = ['--address', inject('address'), '--namespace', 'default'];
  const { stdout } = await promisify(execFile)(inject('temporalBinary'), [...args, ...server], { maxBuffer: 1 << 26 });
  return stdout;
}

/** What the payloads of a history hold: in its JSON they are base64. */
function payloadsOf(json: string): string {
  const data = [...json.matchAll(/"data": "([^"]+)"/g)].map(([, base64 = '']) =>
    Buffer.from(base64, 'base64').toString(),
  );
  expect(data.length).toBeGreaterThan(10);
  return data.join('\n');
}

/** Runs `aegrail` in the folder of the contract file, whose keys are in a variable. */
function inFolder(...args: string[]): Promise<End> {
  return aegrail(args, { cwd: stack.dir, env: { TEST_PAYLOAD_KEYS: keys } });
}

describe('Temporal’s own CLI', () => {
  const show = ['workflow', 'show', '-w'];

  test('shows nothing without a codec server, and the session with one', async () => {
    expect(payloadsOf(await temporal(...show, answered, '-o', 'json'))).not.toContain(WORDS.input);

    const env = { TEST_PAYLOAD_KEYS: keys, AEGRAIL_CODEC_TOKEN: TOKEN };
    const server = runAegrail(['codec-server', '--listen', '127.0.0.1:0', '--json'], { cwd: stack.dir, env });
    const { url } = JSON.parse(await server.lineOf(/ready/)) as { url: string };
    const codec = ['--codec-endpoint', url, '--codec-auth', `Bearer ${TOKEN}`];
    const decoded = payloadsOf(await temporal(...show, answered, '-o', 'json', ...codec));
    expect(decoded).toContain(WORDS.input);
    expect(decoded).toContain(WORDS.argument);
    expect(decoded).toContain(WORDS.instructions);
    const described = await temporal('workflow', 'describe', '-w', answered, ...codec);
    expect(described).toContain(WORDS.answer);

    const other = [
      '--codec-endpoint',
      url,
      '--codec-auth',
      'Bearer another-token-0123456789',
      '--command-timeout',
      '3s',
    ];
    await expect(temporal(...show, answered, '-o', 'json', ...other)).rejects.toThrow('Command failed');
    server.child.kill('SIGINT');
    expect(await server.end).toMatchObject({ code: 0, err: '' });
  });

  test('writes a history from which the log is made again, with the codec alone', async () => {
    const history = historyFromJson(await temporal(...show, answered, '-o', 'json'));
    const bundle = { code: readFileSync(inject('bundlePath'), 'utf8') };
    const codec = await openPayloadCodec({ keysEnv: 'KEYS' }, '', { KEYS: keys });
    const stored = (await stack.records(answered)).map((record) => lineOf(record));
    expect(await regenerateLog(bundle, [history], answered, { codec })).toEqual(stored);
    for (const own of [
      undefined,
      await openPayloadCodec({ keysEnv: 'KEYS' }, '', { KEYS: generatePayloadKey('k2') }),
    ]) {
      const unreadable = { code: 'PAYLOAD_UNREADABLE', message: expect.stringContaining('payload key k1') as string };
      await expect(regenerateLog(bundle, [history], answered, { codec: own })).rejects.toMatchObject(unreadable);
    }
  });
});

describe('aegrail', () => {
  test('starts, shows and lists with the contract file’s keys', async () => {
    const id = `cli-${stack.taskQueue}`;
    const started = await inFolder(
      'start',
      WORDS.agent,
      '--user',
      WORDS.user,
      '--input',
      'Hi.',
      '--session',
      id,
      '--wait',
      '--json',
    );
    expect(started).toMatchObject({ code: 0, err: '' });
    expect(JSON.parse(started.out)).toMatchObject({ outcome: 'answered', answer: WORDS.answer });
    const shown = await inFolder('show', id, '--json');
    expect(JSON.parse(shown.out)).toMatchObject({
      session: { agent: WORDS.agent, user: WORDS.user, state: 'answered' },
    });
    const listed = await inFolder('sessions', '--agent', WORDS.agent);
    expect(listed.out).toContain(id);
  });

  test('shows with the variable alone where there is no contract file', async () => {
    const shown = await aegrail(['show', answered, '--json'], { cwd: '/', env: { AEGRAIL_PAYLOAD_KEYS: keys } });
    expect(JSON.parse(shown.out)).toMatchObject({ result: { answer: WORDS.answer } });
  });

  test('without keys says that it can not read', async () => {
    const shown = await aegrail(['show', answered], { cwd: '/' });
    expect(shown).toMatchObject({ code: 1, out: '' });
    expect(shown.err).toContain(`What Temporal holds of ${answered} can not be read`);
    expect(shown.err).toContain('AEGRAIL_PAYLOAD_KEYS');
  });

  test.each([
    ['no keys', {}],
    ['other keys', { AEGRAIL_PAYLOAD_KEYS: generatePayloadKey('k2') }],
  ])('with %s lists all the same, without what it can not read', async (_name, env) => {
    const { code, out } = await aegrail(['sessions', '--limit', '1000', '--json'], { cwd: '/', env });
    expect(code).toBe(0);
    const row = out.split('\n').find((line) => line.includes(answered));
    expect(JSON.parse(row ?? '')).toMatchObject({ id: answered, agent: null, user: null });
  });

  test.each([
    [{}, 'AEGRAIL_CODEC_TOKEN is not set'],
    [{ AEGRAIL_CODEC_TOKEN: TOKEN }, 'There are no payload keys'],
    [{ AEGRAIL_CODEC_TOKEN: 'short', AEGRAIL_PAYLOAD_KEYS: keys }, '16 to 256'],
    [{ AEGRAIL_CODEC_TOKEN: TOKEN, AEGRAIL_PAYLOAD_KEYS: 'k1' }, 'the environment variable AEGRAIL_PAYLOAD_KEYS'],
  ])('codec-server with %j is exit code 2 and a line', async (env, says) => {
    const { code, out, err } = await aegrail(['codec-server', '--listen', '127.0.0.1:0'], { cwd: '/', env });
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain(says);
    expect(err.trimEnd().split('\n')).toHaveLength(1);
    expect(err).not.toContain(keys.slice(3, 20));
  });

  test('payload-key prints a key that codec and worker take, and nothing else', async () => {
    const { code, out, err } = await aegrail(['payload-key', '--id', '2027-01']);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(/^2027-01:[A-Za-z0-9+/]{43}=\n$/);
    expect(await openPayloadCodec({ keysEnv: 'KEYS' }, '', { KEYS: out })).toBeDefined();
    expect((await aegrail(['payload-key', '--id', 'a b'])).code).toBe(2);
  });
});
