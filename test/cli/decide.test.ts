import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { expect, test } from 'vitest';
import { aegrailProcess, BIN, cleanEnv, folder, jsonLines } from './kit.ts';

const TOOLS = `
import { defineTool } from 'aegrail';
import { z } from 'zod';
console.log('a module that talks');
export const lookup = defineTool({ description: 'Looks up.', input: z.object({ id: z.string() }), execute: ({ id }) => id });
export const refund = defineTool({ description: 'Refunds.', input: z.object({ amount: z.number() }), execute: () => 'done' });
`;

const CONTRACT = `
agents:
  bot:
    model: openai/gpt-5.4-mini
    tools:
      lookup: { module: ./tools.ts }
      refund: { module: ./tools.ts, when: "args.amount <= 100 && principal.user.endsWith('@acme.com')" }
      wild: { module: ./tools.ts, export: refund, when: "args.nothing.there" }
      pay: { module: ./tools.ts, export: refund, approval: { when: args.amount > 50.0 } }
      fair: { module: ./tools.ts, export: refund, when: { predicate: isFair } }
    limits: { tokens: 1000, maxToolCalls: 5 }
  idle:
    model: openai/gpt-5.4-mini
    tools: { lookup: { module: ./tools.ts } }
    limits: { tokens: 1000, maxToolCalls: 0 }
predicates: ./rules.ts
`;

const RULES = `import type { Predicates } from 'aegrail';\nexport const predicates: Predicates = { isFair: ({ args, ledger }) => args.amount === 7 && ledger.grant.toolCalls === 5 };\n`;

const project = (): string => folder({ 'aegrail.yaml': CONTRACT, 'tools.ts': TOOLS, 'rules.ts': RULES });
const ask = (tool: string, args: unknown, over: object = {}): string =>
  JSON.stringify({ agent: 'bot', user: 'ann@acme.com', tool, args, ...over });

test('each request is answered in order, with the reason and its ASI code', async () => {
  const table: [string, object][] = [
    [ask('lookup', { id: '1' }), { allowed: true }],
    [ask('refund', { amount: 100 }), { allowed: true }],
    [ask('refund', { amount: 101 }), { allowed: false, reason: 'predicate_false', asi: 'ASI02' }],
    [
      ask('refund', { amount: 5 }, { user: 'eve@evil.com' }),
      { allowed: false, reason: 'predicate_false', asi: 'ASI02' },
    ],
    [ask('refund', { amount: 'all' }), { allowed: false, reason: 'invalid_arguments', asi: 'ASI02' }],
    [ask('refund', '{"amount":5}'), { allowed: false, reason: 'invalid_arguments', asi: 'ASI02' }],
    [ask('wipe_disk', {}), { allowed: false, reason: 'not_registered', asi: 'ASI03' }],
    [ask('__proto__', {}), { allowed: false, reason: 'not_registered', asi: 'ASI03' }],
    [ask('wild', { amount: 1 }), { allowed: false, reason: 'predicate_error', asi: 'ASI02' }],
    [ask('fair', { amount: 7 }), { allowed: true }],
    [ask('pay', { amount: 51 }), { allowed: true, approval: 'The rule asks: args.amount > 50.0' }],
    [ask('fair', { amount: 8 }), { allowed: false, reason: 'predicate_false', asi: 'ASI02' }],
    [ask('lookup', { id: '1' }, { agent: 'idle' }), { allowed: false, reason: 'max_tool_calls', asi: 'ASI02' }],
  ];
  const { code, out } = await aegrailProcess(['decide'], {
    cwd: project(),
    input: table.map(([line]) => line).join('\n'),
  });
  expect(code).toBe(0);
  expect(jsonLines(out)).toMatchObject(table.map(([, answer]) => answer));
  expect(jsonLines(out)[0]).toEqual({ allowed: true });
  expect(out.match(/"approval"/g)).toHaveLength(1);
  expect(jsonLines(out)[2]).toHaveProperty('why');
});

test('what is no request is told in its place, and the exit code is 2', async () => {
  const good = ask('lookup', { id: '1' });
  const lines: (string | Buffer)[] = [
    good,
    '{"agent":',
    '[]',
    ask('lookup', {}, { agent: 'nobody' }),
    '{"agent":"bot","user":"ann","tool":"lookup"}',
    ask('lookup', {}, { extra: 1 }),
    ask('lookup', {}, { user: '' }),
    Buffer.from([0xff, 0xfe]),
    good,
  ];
  const input = Buffer.concat(lines.flatMap((line) => [Buffer.from(line), Buffer.from('\n')]));
  const { code, out } = await aegrailProcess(['decide', '--json'], { cwd: project(), input });
  expect(code).toBe(2);
  const at = (line: number, says: string): object => ({
    error: { line, message: expect.stringContaining(says) as string },
  });
  expect(jsonLines(out)).toEqual([
    { allowed: true },
    at(2, 'no JSON'),
    at(3, 'JSON object'),
    at(4, 'no agent "nobody"'),
    at(5, 'args is missing'),
    at(6, 'extra is not known'),
    at(7, 'user is empty'),
    at(8, 'not UTF-8'),
    { allowed: true },
  ]);
});

test('an answer comes at once, before the input ends', async () => {
  const child = spawn(process.execPath, [BIN, 'decide'], {
    cwd: project(),
    env: cleanEnv(),
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  for (const amount of [1, 1_000]) {
    child.stdin.write(`${ask('refund', { amount })}\n`);
    const { value } = await lines.next();
    expect(JSON.parse(value ?? '')).toMatchObject({ allowed: amount === 1 });
  }
  child.stdin.end();
  expect(await once(child, 'close')).toEqual([0, null]);
});

test('a reader that goes away, as head does, is no error', async () => {
  const child = spawn(process.execPath, [BIN, 'decide'], { cwd: project(), env: cleanEnv(), stdio: 'pipe' });
  child.stdin.on('error', () => undefined);
  child.stdin.end(`${ask('lookup', { id: '1' })}\n`.repeat(20_000));
  child.stdout.once('data', () => child.stdout.destroy());
  let err = '';
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
  expect(await once(child, 'close')).toEqual([0, null]);
  expect(err).not.toContain('EPIPE');
});
