import { expect, test } from 'vitest';
import { z } from 'zod';
import { defineTool, isTool } from '../../src/tools/define.ts';

const execute = (): string => 'x';

test('a definition holds the JSON Schema of what a model may send, and is frozen', () => {
  const tool = defineTool({
    description: 'd',
    input: z.object({ id: z.int(), note: z.string().default('') }),
    execute,
  });
  expect(tool.inputSchema).toMatchObject({
    type: 'object',
    required: ['id'],
    properties: { note: { type: 'string', default: '' } },
  });
  expect(tool.inputSchema).not.toHaveProperty('$schema');
  expect(Object.isFrozen(tool) && Object.isFrozen(tool.inputSchema['properties'])).toBe(true);
  expect(isTool(tool)).toBe(true);
  expect(isTool({ ...tool, execute })).toBe(true);
  expect(isTool({ description: 'd', input: z.object({}), execute })).toBe(false);
});

test('what execute takes is typed by the schema', () => {
  const tool = defineTool({
    description: 'd',
    input: z.object({ id: z.number() }),
    execute: ({ id }) => id.toFixed(2),
  });
  // @ts-expect-error there is no such argument
  defineTool({ description: 'd', input: z.object({ id: z.number() }), execute: ({ other }) => other });
  expect(isTool(tool)).toBe(true);
});

test.each<[string, z.ZodType, RegExp]>([
  ['a date', z.object({ when: z.date() }), /input\.when.*Date.*z\.iso\.datetime\(\)/],
  ['a transform', z.object({ when: z.string().transform(Number) }), /input\.when.*Transforms.*execute/],
  ['a bigint', z.object({ n: z.bigint() }), /input\.n.*BigInt/],
  ['a map', z.object({ m: z.map(z.string(), z.string()) }), /input\.m.*Map/],
  ['a string', z.string(), /must describe an object.*not string/],
  [
    'a union',
    z.union([z.object({ a: z.string() }), z.object({ b: z.string() })]),
    /must describe an object.*not anyOf/,
  ],
  ['no zod', { type: 'object' } as unknown as z.ZodType, /zod 4 schema/],
])('an input of %s is refused with what to write', (_name, input, message) => {
  expect(() => defineTool({ description: 'd', input, execute })).toThrow(
    expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringMatching(message) as string }) as Error,
  );
});

test('a definition without a description or a function is refused, and one with more too', () => {
  const input = z.object({});
  expect(() => defineTool({ description: ' ', input, execute })).toThrow('`description`');
  expect(() => defineTool({ description: 'd', input, execute: 'x' as unknown as () => string })).toThrow('`execute`');
  expect(() =>
    defineTool({ description: 'd', input, execute, run: execute } as Parameters<typeof defineTool>[0]),
  ).toThrow('`run` is not known');
});
