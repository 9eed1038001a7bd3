import { expect, test } from 'vitest';
import { fileURLToPath } from 'node:url';
import { aegrail, aegrailProcess, folder } from './kit.ts';

const MCP = fileURLToPath(new URL('../fixtures/mcp/stdio.ts', import.meta.url));

/** A contract file, whose agent's lines are given: the first of them is line 3. */
const agent = (...lines: string[]): string =>
  ['agents:', '  bot:', ...lines.map((line) => `    ${line}`), ''].join('\n');
const MODEL = 'model: openai/gpt-5.4-mini';
const LIMITS = 'limits: { tokens: 1000 }';

const TABLE: [name: string, text: string, says: string[]][] = [
  ['an unknown key', agent(MODEL, LIMITS, 'instrutions: Hello.'), ['aegrail.yaml:5:', 'Did you mean instructions?']],
  ['a wrong type', agent(MODEL, 'limits: { tokens: many }'), ['aegrail.yaml:4:', 'tokens', 'number']],
  ['a negative limit', agent(MODEL, 'limits: { usd: -1 }'), ['aegrail.yaml:4:', 'usd', 'from 0']],
  [
    'a rule that does not parse',
    agent(MODEL, LIMITS, 'tools:', '  pay: { module: ./t.ts, when: "args.x <" }'),
    ['aegrail.yaml:6:', 'is no CEL rule', 'character'],
  ],
  [
    'a tool that its MCP server has not',
    `${agent(MODEL, LIMITS, 'tools:', '  fly: { mcp: shop }')}mcpServers: { shop: { command: ${process.execPath}, args: [${MCP}] } }\n`,
    ['aegrail.yaml:6:', 'no tool "fly"', 'it has'],
  ],
  [
    'an MCP server that there is not',
    agent(MODEL, LIMITS, 'tools:', '  fly: { mcp: shop }'),
    ['aegrail.yaml:6:', 'no MCP server shop'],
  ],
  [
    'an agent to call that there is not',
    agent(MODEL, 'limits: { tokens: 1000, maxRecursionDepth: 1 }', 'agents:', '  helper: {}'),
    ['aegrail.yaml:6:', 'there is no agent helper; there are bot'],
  ],
  [
    'agents that call each other in a circle',
    `${agent(MODEL, 'limits: { tokens: 1000, maxRecursionDepth: 2 }', 'agents:', '  other: {}')}  other:
    ${MODEL}
    limits: { tokens: 1000, maxRecursionDepth: 2 }
    agents:
      back: { agent: bot }
`,
    ['aegrail.yaml:11:', 'in a circle: bot, other, bot'],
  ],
  [
    'an agent that may call another, and none may be below it',
    `${agent(MODEL, LIMITS, 'agents:', '  other: {}')}  other:\n    ${MODEL}\n    ${LIMITS}\n`,
    ['aegrail.yaml:6:', 'limits.maxRecursionDepth is 0, and must be 1 at least'],
  ],
  [
    'a tool and an agent of the same name',
    `${agent(MODEL, 'limits: { tokens: 1000, maxRecursionDepth: 1 }', 'tools:', '  other: { module: ./t.ts }', 'agents:', '  other: {}')}  other:\n    ${MODEL}\n    ${LIMITS}\n`,
    ['aegrail.yaml:8:', 'other is a tool of bot too'],
  ],
  [
    'a rule of an agent that does not parse',
    agent(MODEL, LIMITS, 'agents:', '  other: { when: "args.x <" }'),
    ['aegrail.yaml:6:', 'agents.bot.agents.other.when', 'is no CEL rule'],
  ],
  [
    'a module that there is not',
    agent(MODEL, LIMITS, 'tools:', '  fly: { module: ./none.ts }'),
    ['aegrail.yaml:6:', 'there is no file'],
  ],
  [
    'an unpriced model under a usd limit',
    agent('model: openai/my-own-model', 'limits: { usd: 1 }'),
    ['aegrail.yaml:3:', 'price of openai/my-own-model', 'prices'],
  ],
  ['no budget', agent(MODEL, 'limits: { maxToolCalls: 3 }'), ['aegrail.yaml:4:', 'needs usd or tokens']],
  ['a YAML syntax error', 'agents:\n  bot: { model: [\n', ['aegrail.yaml:3:']],
  [
    'a predicate without a module',
    agent(MODEL, LIMITS, 'tools:', '  pay: { module: ./t.ts, when: { predicate: fair } }'),
    ['aegrail.yaml:6:', 'predicates'],
  ],
  ['predicates that do not load', `${agent(MODEL, LIMITS)}predicates: ./none.ts\n`, ['aegrail.yaml:5:', './none.ts']],
];

test.each(TABLE)('%s: exit code 2, file, line, and what would be right', async (_, text, says) => {
  const { code, out, err } = await aegrail(['decide'], { cwd: folder({ 'aegrail.yaml': text }) });
  expect({ code, out }).toEqual({ code: 2, out: '' });
  for (const part of says) expect(err).toContain(part);
  expect(err).not.toMatch(/^\s+at /m);
});

test('a file that is not there', async () => {
  const { code, err } = await aegrail(['decide', '--config', 'other.yaml'], { cwd: folder() });
  expect(code).toBe(2);
  expect(err).toContain('There is no file other.yaml');
});

test('all problems are told, each on a line, also by up and before a server is started', async () => {
  const cwd = folder({ 'aegrail.yaml': agent(MODEL, 'limits: { usd: -1, tokns: 5 }', 'colour: red') });
  const { code, out, err } = await aegrailProcess(['up', '--port', '0', '--ui-port', '0'], { cwd });
  expect({ code, out }).toEqual({ code: 2, out: '' });
  expect(err.trimEnd().split('\n')).toHaveLength(3);
});

test('a predicate that its module has not', async () => {
  const text = `${agent(MODEL, LIMITS, 'tools:', '  pay: { module: ./t.ts, when: { predicate: fair } }')}predicates: ./rules.ts\n`;
  const tools = `import { defineTool } from 'aegrail';\nimport { z } from 'zod';\nexport const pay = defineTool({ description: 'Pays.', input: z.object({}), execute: () => 1 });\n`;
  const cwd = folder({
    'aegrail.yaml': text,
    't.ts': tools,
    'rules.ts': 'export const predicates = { just: () => true };\n',
  });
  const { code, err } = await aegrailProcess(['decide'], { cwd });
  expect(code).toBe(2);
  expect(err).toContain('aegrail.yaml:6:');
  expect(err).toContain('no predicate fair; ./rules.ts has just');
});

test('predicates that do not bundle stop a worker', async () => {
  const cwd = folder({ 'aegrail.yaml': `${agent(MODEL, LIMITS)}predicates: ./none.ts\n` });
  const { code, err } = await aegrailProcess(['worker'], { cwd });
  expect(code).toBe(2);
  expect(err).toContain('aegrail.yaml:5:');
  expect(err).toContain('./none.ts');
});
