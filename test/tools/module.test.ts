import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { callModuleTool } from '../../src/tools/call-module.ts';
import { defineTool } from '../../src/tools/define.ts';
import { loadModuleTool } from '../../src/tools/module.ts';
import type { ToolContext } from '../../src/tools/tool.ts';
import { failureOf, textOf } from './outcome.ts';

const DIR = join(import.meta.dirname, '../fixtures/tools');

function context(rest: Partial<ToolContext> = {}): ToolContext {
  return {
    signal: new AbortController().signal,
    deadlineMs: Date.now() + 10_000,
    principal: { id: 'bot/v1@sess_1', user: 'ann' },
    sessionId: 'sess_1',
    idempotencyKey: null,
    logger: pino({ level: 'silent' }),
    secrets: {},
    ...rest,
  };
}

function answering(execute: (args: { text?: string | undefined }, context: ToolContext) => unknown) {
  return defineTool({ description: 'd', input: z.object({ text: z.string().optional() }), execute });
}

const load = (module: string, name: string) => loadModuleTool({ module, export: name }, DIR);

test('a tool of a TypeScript module is loaded and called', async () => {
  const tool = await load('./tools.ts', 'lookup_order');
  expect(tool.description).toBe('Looks an order up.');
  expect(textOf(await callModuleTool(tool, { id: 7 }, context()))).toBe('{"id":7,"verbose":false,"asked_by":"ann"}');
});

test('the default export of a module that has no other tool needs no name', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'aegrail-tools-'));
  onTestFinished(() => rmSync(dir, { recursive: true }));
  const tools = JSON.stringify(new URL('../fixtures/tools/tools.ts', import.meta.url).href);
  writeFileSync(join(dir, 'one.ts'), `export { refund as default } from ${tools};`);
  writeFileSync(join(dir, 'two.ts'), `export { refund as default, lookup_order } from ${tools};`);
  for (const name of ['any_name', 'default']) {
    expect((await loadModuleTool({ module: './one.ts', export: name }, dir)).description).toBe('Refunds.');
  }
  await expect(loadModuleTool({ module: './two.ts', export: 'any_name' }, dir)).rejects.toThrow('no export "any_name"');
});

test('Node itself loads a TypeScript module', () => {
  const url = new URL('../../src/tools/module.ts', import.meta.url).href;
  const script = `const { loadModuleTool } = await import('${url}');
    console.log((await loadModuleTool({ module: 'tools.ts', export: 'refund' }, process.argv[1])).description)`;
  expect(execFileSync(process.execPath, ['--input-type=module', '--eval', script, DIR], { encoding: 'utf8' })).toBe(
    'Refunds.\n',
  );
});

test.each([
  ['./none.ts', 'a', /there is no file .*none\.ts/],
  ['.', 'a', /there is no file/],
  ['./tools.ts', 'lookup', /no export "lookup"\. It exports the tools lookup_order, refund/],
  ['./tools.ts', 'toString', /no export "toString"/],
  ['./tools.ts', 'handmade', /"handmade" of \.\/tools\.ts was not made by defineTool/],
  ['./throws-on-load.ts', 'a', /throws-on-load\.ts does not load: no database/],
])('loading %s, %s says what is wrong', async (module, name, message) => {
  await expect(load(module, name)).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: expect.stringMatching(message) as string,
  });
});

test('arguments are parsed by the schema first', async () => {
  const tool = await load('./tools.ts', 'lookup_order');
  expect(failureOf(await callModuleTool(tool, { id: 'x' }, context()))).toMatchObject({
    code: 'invalid_arguments',
    started: 'no',
    retryable: false,
    message: expect.stringMatching(/^id: /) as string,
  });
  expect(failureOf(await callModuleTool(tool, null, context()))).toMatchObject({ code: 'invalid_arguments' });
});

test.each<[string, unknown, string]>([
  ['a string', 'as "it" is', 'as "it" is'],
  ['undefined', undefined, 'null'],
  ['null', null, 'null'],
  ['a number', 7, '7'],
  ['a date', new Date(0), '"1970-01-01T00:00:00.000Z"'],
  ['a promise', Promise.resolve([1]), '[1]'],
  ['a lone surrogate', 'a\ud800', 'a\ufffd'],
])('an answer of %s becomes text', async (_name, answer, text) => {
  expect(
    textOf(
      await callModuleTool(
        answering(() => answer),
        {},
        context(),
      ),
    ),
  ).toBe(text);
});

const circle: Record<string, unknown> = {};
circle['self'] = circle;
const deep: unknown[] = [];
for (let at = deep, left = 20_000; left > 0; left--) at.push((at = []));

test.each<[string, unknown, RegExp]>([
  ['a circle', circle, /circular/],
  ['a bigint', { n: 1n }, /"n" in the answer is a bigint/],
  ['a function', () => 1, /the answer is a function/],
  ['a function inside', { f: () => 1 }, /"f" in the answer is a function/],
  ['a Map', { m: new Map() }, /Map or Set/],
  ['a promise inside', [Promise.resolve(1)], /not awaited/],
  [
    'a getter that throws',
    Object.defineProperty({}, 'x', {
      enumerable: true,
      get: () => {
        throw new Error('no');
      },
    }),
    /no/,
  ],
])('an answer of %s is a failure, not a crash', async (_name, answer, message) => {
  expect(
    failureOf(
      await callModuleTool(
        answering(() => answer),
        {},
        context(),
      ),
    ),
  ).toMatchObject({
    code: 'unserializable',
    started: 'yes',
    retryable: false,
    message: expect.stringMatching(message) as string,
  });
});

test('20,000 levels do not crash', async () => {
  const outcome = await callModuleTool(
    answering(() => deep),
    {},
    context(),
  );
  expect(outcome.ok ? 'text' : outcome.failure.code).toMatch(/text|unserializable/);
});

test('a throw is a failure without the secrets, whatever was thrown', async () => {
  const secrets = { SHOP_TOKEN: 'tok-123456' };
  const tool = answering(({ text }, { secrets: { SHOP_TOKEN } }) => {
    if (text === 'leak') return `token ${SHOP_TOKEN}`;
    throw text === undefined ? new Error(`401 for ${SHOP_TOKEN}`) : text;
  });
  expect(failureOf(await callModuleTool(tool, {}, context({ secrets })))).toEqual({
    code: 'tool_threw',
    started: 'yes',
    retryable: true,
    message: 'the tool threw: 401 for [secret SHOP_TOKEN]',
  });
  expect(failureOf(await callModuleTool(tool, { text: 'plain' }, context())).message).toBe('the tool threw: plain');
  expect(textOf(await callModuleTool(tool, { text: 'leak' }, context({ secrets })))).toBe('token [secret SHOP_TOKEN]');
});

test('a cancelled call does not begin, and a tool that obeys is told from one that threw', async () => {
  const abort = new AbortController();
  const tool = answering(
    (_args, { signal }) =>
      new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('stopped')))),
  );
  const call = callModuleTool(tool, {}, context({ signal: abort.signal }));
  setImmediate(() => abort.abort());
  expect(failureOf(await call)).toMatchObject({ code: 'cancelled', started: 'yes' });
  expect(failureOf(await callModuleTool(tool, {}, context({ signal: abort.signal })))).toMatchObject({
    code: 'cancelled',
    started: 'no',
  });
});
