import { expect, test } from 'vitest';
import { AegrailError } from '../../src/core/errors.ts';
import { limitProblem, type LimitsInput, parseStartArguments, parseStartInput } from '../../src/core/start-input.ts';

const GOOD = { agent: 'bot', user: 'ann@acme.com', input: 'Hello.' };

function problemOf(value: unknown): string {
  try {
    parseStartInput(value);
  } catch (thrown) {
    expect(thrown).toBeInstanceOf(AegrailError);
    expect(thrown).toMatchObject({ code: 'INPUT_INVALID' });
    return (thrown as AegrailError).message;
  }
  throw new Error('it was accepted');
}

test('what is right comes back as it was, and nothing else with it', () => {
  expect(parseStartInput(GOOD)).toEqual(GOOD);
  const limits = { usd: 0, tokens: 0, wallSeconds: 0.001, maxToolCalls: 0, maxRecursionDepth: 0 };
  const all = { ...GOOD, version: 'v1', limits, failOnKill: true };
  expect(parseStartInput(all)).toEqual(all);
});

test('an input without a prototype, or of another realm, is an object too', () => {
  expect(parseStartInput(Object.assign(Object.create(null), GOOD))).toEqual(GOOD);
});

test.each<[string, unknown, RegExp]>([
  ['undefined', undefined, /not plain JSON/],
  ['a class instance', new Date(0), /not plain JSON/],
  ['a list', [GOOD], /one JSON object with agent, version, user, input/],
  ['an unknown key', { ...GOOD, agents: 'x' }, /agents is not known here; known are agent, version/],
  ['a user of spaces', { ...GOOD, user: ' \t' }, /user is empty/],
  ['a user with an escape', { ...GOOD, user: 'a\u009bm' }, /control characters/],
  ['a version of null', { ...GOOD, version: null }, /version must be text, but is null/],
  ['no input', { ...GOOD, input: '' }, /input is empty, and must say what to do/],
  ['an input of white space', { ...GOOD, input: ' \n\t\u00a0', conversation: true }, /input is empty/],
  ['an input that is a list', { ...GOOD, input: ['x'] }, /input must be text, but is a list/],
  ['a flag of 1', { ...GOOD, failOnKill: 1 }, /failOnKill must be true or false, but is a number/],
  ['limits of null', { ...GOOD, limits: null }, /limits must be an object/],
])('%s is refused with the field and what would be right', (_what, value, says) => {
  expect(problemOf(value)).toMatch(says);
});

test('the first message is bounded in characters, and in bytes as JSON', () => {
  expect(parseStartInput({ ...GOOD, input: 'x'.repeat(1_000_000) }).input).toHaveLength(1_000_000);
  expect(problemOf({ ...GOOD, input: 'x'.repeat(1_000_001) })).toMatch(/1000001 characters, and may have 1000000/);
  expect(parseStartInput({ ...GOOD, input: '€'.repeat(499_999) }).input).toHaveLength(499_999);
  expect(problemOf({ ...GOOD, input: '€'.repeat(500_000) })).toMatch(/1500002 bytes as JSON, and may have 1500000/);
  expect(problemOf({ ...GOOD, input: '\u0000'.repeat(250_000) })).toMatch(/1500002 bytes/);
});

test.each<[keyof LimitsInput, readonly unknown[], readonly unknown[]]>([
  ['usd', [0, 0.000000001, 0.1, 9_007_199], [-0.01, 1e-10, 9_007_200, Number.NaN, Infinity, '1', null, true, [], {}]],
  ['tokens', [0, 1, 2 ** 53 - 1], [-1, 0.5, 2 ** 53, Number.NaN, -Infinity, '7', null]],
  ['wallSeconds', [0.001, 1, 86_400.5], [0, -1, 0.0001, 1.0005, 1e300, Number.NaN, '60', null]],
  ['maxToolCalls', [0, 20], [-1, 1.5, '20', null]],
  ['maxRecursionDepth', [0, 2], [-1, 1.5, '2', null]],
])('limits.%s', (key, right, wrong) => {
  for (const value of right) expect([value, limitProblem(key, value)]).toEqual([value, null]);
  for (const value of wrong) expect([value, limitProblem(key, value)]).toEqual([value, expect.any(String)]);
});

test('what was sent is shown short, on one line, and never broken in the middle of a character', () => {
  const nasty = [
    { ...GOOD, ['\u001b[2J\n']: 1 },
    { ...GOOD, ['k'.repeat(100_000)]: 1 },
    { ...GOOD, [`${'k'.repeat(63)}😀 and more`]: 1 },
    { ...GOOD, limits: { ['\u202e'.repeat(99)]: 1 } },
    { ...GOOD, limits: { usd: '😀'.repeat(1_000) } },
    { ...GOOD, limits: { usd: `x${'😀'.repeat(1_000)}` } },
    { ...GOOD, limits: { tokens: Array.from({ length: 10_000 }, () => 1) } },
  ];
  for (const value of nasty) {
    const message = problemOf(value);
    expect(message.length).toBeLessThan(300);
    expect(message).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}]/u);
  }
});

test('a workflow has one argument', () => {
  expect(parseStartArguments([GOOD])).toEqual(GOOD);
  expect(() => parseStartArguments([])).toThrow(/no argument/);
  expect(() => parseStartArguments([undefined])).toThrow(/no argument/);
  expect(() => parseStartArguments([GOOD, GOOD])).toThrow(/2 arguments/);
  expect(() => parseStartArguments([GOOD, undefined])).toThrow(/2 arguments/);
});
