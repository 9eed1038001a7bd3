import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ContractFileInput } from '../../src/config/schema.ts';
import { verifyInPython } from '../audit/in-python.ts';
import { botConfig } from '../harness/stack.ts';
import { type CliStack, startCliStack } from './cli-stack.ts';
import { aegrail, type End, folder, runAegrail } from './kit.ts';

let cli: CliStack;
beforeAll(async () => {
  cli = await startCliStack();
});
afterAll(() => cli.close());

/** Writes a contract file beside the worker's, with the same store, and another agent's rules. */
function file(name: string, change: Partial<ContractFileInput['agents'][string]>, agent = 'bot'): string {
  const { agents } = botConfig({ tools: { lookup: { module: './tools.ts' } }, limits: { usd: 2 }, ...change });
  const written = { agents: { [agent]: agents['bot'] }, store: 'sqlite:store.db', taskQueue: cli.stack.taskQueue };
  writeFileSync(join(cli.stack.dir, name), JSON.stringify(written));
  return name;
}

const BY = ['--by', 'boss@acme.com'] as const;
/** What is pinned depends on where the models are: the workers' environment is needed. */
const migrate = (...args: string[]): Promise<End> => {
  const { dir, endpoint } = cli.stack;
  return aegrail(['migrate', ...args], { cwd: dir, env: { OPENAI_BASE_URL: endpoint.openaiBaseUrl } });
};
const talk = async (): Promise<string> => (await cli.begin('Hello.', '--conversation')).id;
const end = async (id: string): Promise<void> => {
  await cli.run('end', id);
  await cli.stack.aegrail.session(id).result();
};

test('moves a session to the contract of a file, says what is granted, and the log verifies in a bundle', async () => {
  const id = await talk();
  const config = file('larger.json', { limits: { usd: 2, maxToolCalls: 9, wallSeconds: 900 } });
  const moved = await migrate(id, '--config', config, ...BY, '--reason', 'they need more');
  expect(moved).toMatchObject({ code: 0, err: '' });
  expect(moved.out).toMatch(
    /^\S+: it goes on under the contract [0-9a-f]{12}…, with 2\.00 USD, 9 tool calls, 900 s in all\n$/,
  );
  const again = await migrate(id, '--config', config, ...BY);
  expect(again.out).toMatch(/it is under the contract [0-9a-f]{12}… already/);
  const json = await migrate(id, '--config', 'aegrail.json', ...BY, '--json');
  expect(JSON.parse(json.out)).toMatchObject({ sessionId: id, outcome: 'migrated', changed: true, limits: { usd: 1 } });
  await end(id);
  expect((await cli.run('show', id)).out).toMatch(
    /contract_migrated +to [0-9a-f]{12}…, openai.* by boss@acme.com \(they need more\)/,
  );
  const bundle = join(folder(), 'bundle');
  expect(await cli.run('audit', 'export', '--session', id, '--output', bundle)).toMatchObject({ code: 0 });
  // The one that it began with, and came back to, and the one between.
  expect(readdirSync(join(bundle, 'contracts'))).toHaveLength(2);
  const verified = await cli.run('audit', 'verify', bundle, '--json');
  expect(JSON.parse(verified.out)).toMatchObject({ ok: true, unknown: 0 });
  expect(verified.code).toBe(0);
  expect(await verifyInPython([bundle])).toMatchObject({ code: 0 });
});

test.each<[string, () => Promise<string>, RegExp]>([
  [
    'the step that runs, in the words of the session',
    async () => {
      const { id } = await cli.begin('Wait.');
      await cli.untilHanging(id);
      return id;
    },
    /^waiting for the end of the step that runs, which is waiting for hang \(--no-wait leaves/,
  ],
  [
    'a worker, where none answers',
    async () => {
      const id = `nobody-${crypto.randomUUID()}`;
      await aegrail(['start', 'bot', '--user', 'ann', '--input', 'x', '--session', id, '--task-queue', 'nobody-polls']);
      return id;
    },
    /^waiting for a worker: start one with .* \(--no-wait leaves/,
  ],
])('says on stderr what it waits for: %s', async (_what, begun, says) => {
  const id = await begun();
  const { dir, endpoint } = cli.stack;
  const config = file('patient.json', { instructions: 'Be patient.' });
  const env = { OPENAI_BASE_URL: endpoint.openaiBaseUrl };
  const waiting = runAegrail(['migrate', id, '--config', config, ...BY], { cwd: dir, env });
  const said = await new Promise<string>((done) =>
    waiting.child.stderr?.on('data', (chunk: Buffer) => done(chunk.toString())),
  );
  expect(said).toMatch(says);
  waiting.child.kill('SIGINT');
  await waiting.end;
  await cli.stack.aegrail.session(id).handle.terminate();
});

test('without waiting it is done when the step that runs has ended', async () => {
  const id = await talk();
  const config = file('other.json', { instructions: 'Be brief.' });
  const told = await migrate(id, '--config', config, ...BY, '--no-wait');
  expect(told).toMatchObject({ code: 0 });
  expect(told.out).toMatch(/told to go on under the contract/);
  await expect
    .poll(async () => (await cli.stack.records(id)).filter(({ event }) => event === 'contract_migrated').length)
    .toBe(1);
  await end(id);
});

test.each<[string, () => string[], number, RegExp]>([
  [
    'a file without the agent',
    () => ['--config', file('none.json', {}, 'clerk'), ...BY],
    2,
    /has no agent bot.*It has: clerk/,
  ],
  ['nobody who moves it', () => ['--config', 'aegrail.json'], 2, /--by/],
  ['a file that is not there', () => ['--config', 'nowhere.json', ...BY], 2, /nowhere\.json/],
  [
    'an authorization that is not there',
    () => ['--config', 'aegrail.json', ...BY, '--authorization', 'x.note'],
    2,
    /x\.note/,
  ],
])('%s', async (_what, args, code, says) => {
  const id = await talk();
  const ended = await migrate(id, ...args());
  expect(ended).toMatchObject({ code, out: '' });
  expect(ended.err).toMatch(says);
  await end(id);
});

test('a session that there is not, or that has ended', async () => {
  expect(await migrate('sess_no', '--config', 'aegrail.json', ...BY)).toMatchObject({ code: 2, out: '' });
  const { id } = await cli.begin('Hello.', '--wait');
  const late = await migrate(id, '--config', 'aegrail.json', ...BY);
  expect(late).toMatchObject({ code: 1, out: '' });
  expect(late.err).toMatch(/has ended/);
});
