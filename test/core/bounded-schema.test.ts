import { describe, expect, test } from 'vitest';
import { boundedSchema } from '../../src/core/bounded-schema.ts';
import { compileSchema } from '../../src/core/schema.ts';

describe('regular expressions that a workflow may check', () => {
  test.each([
    ['^[A-Z]{2}-\\d{4}$', true],
    ['^\\w+$', true],
    ['^[a-z0-9.-]+@x$', true],
    ['\\d{3}', true],
    ['^(yes|no)$', true],
    ['^(a+)+$', false],
    ['^(a|a)*$', false],
    ['^(a?){30}a{30}$', false],
    ['^a*a*a*b$', false],
    ['\\d+', false],
    ['^a+|b+$', false],
    ['^(?=a+)b$', false],
    ['^(a)\\1$', false],
    ['^\\p{L}$', false],
    ['^[\\]a]+$', true],
    ['^[[a]]+$', true],
  ])('%s: %s', (pattern, keeps) => {
    expect(Object.hasOwn(boundedSchema({ type: 'string', pattern }), 'pattern')).toBe(keeps);
  });
});

test('what the model writes can not make a check take long', () => {
  const check = compileSchema({
    type: 'object',
    properties: {
      text: { type: 'string', pattern: '^(a+)+$' },
      mail: { type: 'string', format: 'email' },
      list: { type: 'array', uniqueItems: true, items: { anyOf: [{ pattern: '(x+x+)+y' }] } },
    },
    patternProperties: { '^(b+)+$': { type: 'number' } },
  });
  const started = performance.now();
  check({
    text: `${'a'.repeat(50_000)}!`,
    mail: 'a@'.repeat(50_000),
    list: Array.from({ length: 40_000 }, (_, at) => at),
    ['b'.repeat(5_000)]: 1,
  });
  // Before, this ran for longer than anybody waited.
  expect(performance.now() - started).toBeLessThan(2_000);
});

test('properties that are named like keywords stay what they are', () => {
  const schema = {
    type: 'object',
    properties: { format: { type: 'string' }, pattern: { type: 'string', pattern: '^x$' }, uniqueItems: true },
    required: ['format', 'pattern'],
    additionalProperties: false,
    enum: [{ format: 'csv', pattern: 'x' }],
  };
  expect(boundedSchema(schema)).toEqual(schema);
});

test('all else is kept, at any depth', () => {
  const schema = {
    anyOf: [{ items: { $ref: '#/$defs/a' } }, { not: { minLength: 2 } }],
    $defs: { a: { maximum: 3, format: 'int32' } },
  };
  expect(boundedSchema(schema)).toEqual({ ...schema, $defs: { a: { maximum: 3 } } });
});
