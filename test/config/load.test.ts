import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'aegrail-config-'));
});
afterAll(() => rm(dir, { recursive: true }));

async function problemsOf(text: string, name = 'aegrail.yaml'): Promise<string> {
  await writeFile(join(dir, name), text);
  return loadConfig(name, dir).then(
    () => 'no problem',
    (thrown: Error) => thrown.message,
  );
}

const GOOD = `agents:
  bot:
    model: openai/gpt-5.4-mini
    tools:
      refund: { module: ./tools.ts, when: "args.amount <= 100" }
    limits: { usd: 0.5 }
`;

test('the contract file of the README is good, in YAML and in JSON', async () => {
  expect(await problemsOf(GOOD)).toBe('no problem');
  expect(await problemsOf('{"agents":{"bot":{"model":"openai/x","limits":{"tokens":1}}}}', 'aegrail.json')).toBe(
    'no problem',
  );
});

test('sinks with all that they can be given', async () => {
  const sinks = `sinks:
  - { file: .aegrail/audit.jsonl, maxBytes: 100000000, daily: true, keep: 30, fsync: batch }
  - { stdout: true }
  - webhook: { url: 'https://siem.example/in', headers: { a: b }, timeoutSeconds: 3, secretEnv: KEY, maxRecords: 500, maxBytes: 1048576, maxAttempts: 4, backoffSeconds: 0.25, maxBackoffSeconds: 30 }
  - webhook: { url: 'https://siem.example/in', spool: .aegrail/spool, spoolMaxBytes: 268435456 }
`;
  expect(await problemsOf(GOOD + sinks)).toBe('no problem');
});

test('and in TypeScript', async () => {
  expect(
    await problemsOf(
      "export const config = { agents: { bot: { model: 'openai/x', limits: { usd: 1 } } } };",
      'c.config.ts',
    ),
  ).toBe('no problem');
  expect(
    await problemsOf("export const config = { agents: { bot: { model: 'x', limits: { usd: 1 } } } };", 'd.config.ts'),
  ).toContain('d.config.ts: agents.bot.model: must be provider/model');
  expect(await problemsOf('export const other = 1;', 'e.config.ts')).toContain('exports no config');
});

describe('what is wrong is told with file, line, column and what would be right', () => {
  test.each<[string, string, string]>([
    [
      'an unknown key',
      GOOD.replace('limits:', 'limit:'),
      'aegrail.yaml:6:12: agents.bot.limit: is not known here. Did you mean limits?',
    ],
    [
      'an unknown key deep down',
      GOOD.replace('usd: 0.5', 'usd: 0.5, maxToolcalls: 3'),
      'agents.bot.limits.maxToolcalls: is not known here. Did you mean maxToolCalls?',
    ],
    [
      'a wrong type',
      GOOD.replace('usd: 0.5', 'usd: lots'),
      'aegrail.yaml:6:20: agents.bot.limits.usd: Invalid input: expected number, received string',
    ],
    [
      'a limit below zero',
      GOOD.replace('usd: 0.5', 'usd: -1'),
      'aegrail.yaml:6:20: agents.bot.limits.usd: must be a number of USD from 0, but got -1',
    ],
    [
      'a fraction of a token',
      GOOD.replace('usd: 0.5', 'tokens: 1.5'),
      'agents.bot.limits.tokens: must be a whole number from 0, but got 1.5',
    ],
    ['no budget at all', GOOD.replace('usd: 0.5', 'maxToolCalls: 5'), 'agents.bot.limits: needs usd or tokens'],
    [
      'a rule that does not parse',
      GOOD.replace('<= 100', '<='),
      'aegrail.yaml:5:43: agents.bot.tools.refund.when: is no CEL rule: Unexpected token: EOF',
    ],
    ['a rule over what is not there', GOOD.replace('args.amount', 'arg.amount'), 'Unknown variable: arg'],
    [
      'a rule that is no question',
      GOOD.replace('args.amount <= 100', "'yes'"),
      'it answers string, and a rule must answer true or false',
    ],
    [
      'a tool of two kinds',
      GOOD.replace('module: ./tools.ts', 'module: ./tools.ts, mcp: shop'),
      'needs just one of module (a TypeScript file) and mcp (a server)',
    ],
    [
      'a server that is not there',
      GOOD.replace('module: ./tools.ts', 'mcp: shop'),
      'agents.bot.tools.refund.mcp: there is no MCP server shop; mcpServers has none',
    ],
    [
      'a predicate without a module',
      GOOD.replace('"args.amount <= 100"', '{ predicate: small }'),
      'names the predicate small, and the file has no predicates module',
    ],
    ['a tool name that providers refuse', GOOD.replace('refund:', 'refund.api:'), 'a tool name has 1 to 64 letters'],
    [
      'a model without a provider',
      GOOD.replace('openai/gpt-5.4-mini', 'gpt-5.4-mini'),
      'aegrail.yaml:3:12: agents.bot.model: must be provider/model',
    ],
    ['a store of no kind', `${GOOD}store: mysql:foo`, 'aegrail.yaml:7:8: store: must be sqlite:PATH or postgres://'],
    [
      'aliases without end',
      `a: &a [1,1,1,1,1,1,1,1,1]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c,*c,*c,*c,*c]`,
      'aegrail.yaml: Excessive alias count',
    ],
    ['no agents', 'agents: {}', 'agents: has no agent'],
    ['broken YAML', 'agents:\n  bot: [', 'aegrail.yaml:2:9: '],
    ['a key twice', `${GOOD}${GOOD}`, 'Map keys must be unique'],
    ['an empty file', '', 'the file: Invalid input: expected object'],
    ['a sink of no kind', `${GOOD}sinks: [ { fil: x } ]`, 'sinks.0.fil: is not known here. Did you mean file?'],
    [
      'a sink with nothing in it',
      `${GOOD}sinks: [ {} ]`,
      'sinks.0: needs just one of file (a path), stdout: true, webhook: { url }, and otlp: { url }',
    ],
    ['a sink of two kinds', `${GOOD}sinks: [ { file: a, stdout: true } ]`, 'sinks.0: needs just one of file'],
    [
      'a wrong key of a file',
      `${GOOD}sinks: [ { file: a, maxByte: 9 } ]`,
      'sinks.0.maxByte: is not known here. Did you mean maxBytes?',
    ],
    [
      'a file that is too small to rotate',
      `${GOOD}sinks: [ { file: a, maxBytes: 9 } ]`,
      'aegrail.yaml:7:31: sinks.0.maxBytes: Too small: expected number to be >=1024',
    ],
    [
      'kept files that are never rotated',
      `${GOOD}sinks: [ { file: a, keep: 9 } ]`,
      'sinks.0.keep: goes with maxBytes or daily',
    ],
    [
      'an fsync policy that is none',
      `${GOOD}sinks: [ { file: a, fsync: always } ]`,
      'sinks.0.fsync: Invalid option: expected one of "never"|"batch"',
    ],
    ['rotation of standard output', `${GOOD}sinks: [ { stdout: true, daily: true } ]`, 'sinks.0.daily: goes with file'],
    [
      'a webhook without a url',
      `${GOOD}sinks: [ { webhook: {} } ]`,
      'sinks.0.webhook.url: Invalid input: expected string',
    ],
    [
      'a wrong key of a webhook',
      `${GOOD}sinks: [ { webhook: { url: 'https://a.b', timeoutSecond: 3 } } ]`,
      'sinks.0.webhook.timeoutSecond: is not known here. Did you mean timeoutSeconds?',
    ],
    [
      'a bound without a spool',
      `${GOOD}sinks: [ { webhook: { url: 'https://a.b', spoolMaxBytes: 9999 } } ]`,
      'sinks.0.webhook.spoolMaxBytes: goes with spool',
    ],
    [
      'attempts of a spool',
      `${GOOD}sinks: [ { webhook: { url: 'https://a.b', spool: s, maxAttempts: 3 } } ]`,
      'sinks.0.webhook.maxAttempts: does not go with spool',
    ],
  ])('%s', async (_name, text, message) => {
    expect(await problemsOf(text)).toContain(message);
  });

  test('all at once, a line each', async () => {
    const text = GOOD.replace('usd: 0.5', 'usd: -1').replace('<= 100', '<=').replace('model:', 'modle:');
    expect((await problemsOf(text)).split('\n').length).toBeGreaterThan(1);
  });

  test('a file that is not there', async () => {
    await expect(loadConfig('none.yaml', dir)).rejects.toThrow(
      'There is no file none.yaml. Give a contract file with --config',
    );
  });
});
