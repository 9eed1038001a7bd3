import { describe, expect, test } from 'vitest';
import { AccountBook, type AccountWindow, LEASE_MS, MAX_LEASES, UNLIMITED_LEASE } from '../../src/core/account-book.ts';
import type { AccountSetInput, LeaseAsk } from '../../src/core/account-input.ts';
import { accountsOf, accountTemplateProblem } from '../../src/core/account-name.ts';
import { type Amounts, NOTHING } from '../../src/core/ledger.ts';

const DAY_MS = 86_400_000;
const FIRST: AccountWindow = { startMs: 0, endMs: DAY_MS };
const SECOND: AccountWindow = { startMs: DAY_MS, endMs: 2 * DAY_MS };

const tokens = (count: number): Amounts => ({ ...NOTHING, tokens: count });
const bookOf = (given: Partial<AccountSetInput>, window: AccountWindow = FIRST): AccountBook =>
  new AccountBook({
    terms: { per: 'day', by: 'boss', setMs: 0, ...given },
    window,
    posted: NOTHING,
    late: NOTHING,
    leases: [],
  });
const asking = (want: number, given: Partial<LeaseAsk> = {}): LeaseAsk => ({
  session: 's1',
  n: 1,
  held: NOTHING,
  used: NOTHING,
  want: tokens(want),
  least: NOTHING,
  most: tokens(1_000_000),
  ...given,
});

test('what is left is leased, and the rest is told with the account and its window', () => {
  const book = bookOf({ tokens: 100 });
  expect(book.lease('tenant/acme', asking(80), 0)).toEqual({ granted: tokens(80), why: null });
  expect(book.lease('tenant/acme', asking(80, { session: 's2' }), 0)).toEqual({
    granted: tokens(20),
    why: 'The account tenant/acme has 20 tokens left of 100 tokens a day (until 1970-01-02T00:00:00.000Z).',
  });
  expect(book.lease('tenant/acme', asking(80, { session: 's3', least: tokens(1) }), 0)).toEqual({
    granted: null,
    why: 'The account tenant/acme has 0 tokens left of 100 tokens a day (until 1970-01-02T00:00:00.000Z).',
  });
  expect([...book.leases.keys()]).toEqual(['s1', 's2']);
});

test('the same question gets the same answer, even where there is room by then', () => {
  const book = bookOf({ tokens: 100 });
  book.lease('a', asking(70, { session: 's2' }), 0);
  const first = book.lease('a', asking(80), 0);
  expect(first.granted).toEqual(tokens(30));
  book.settle({ session: 's2', n: 1, used: NOTHING }, 0);
  expect(book.lease('a', asking(80), 0).granted).toEqual(tokens(30));
  expect(book.lease('a', asking(80, { n: 2, held: tokens(30) }), 0).granted).toEqual(tokens(70));
});

test('a session that was reset is given back what it still holds, and asks for the rest', () => {
  const book = bookOf({ tokens: 100 });
  book.lease('a', asking(40), 0);
  // Its log has no lease, for that was not stored.
  expect(book.lease('a', asking(60, { least: tokens(50) }), 0).granted).toEqual(tokens(60));
  expect(book.reserved).toEqual(tokens(60));
});

test('a session that was settled with and goes on pays nothing twice', () => {
  const book = bookOf({ tokens: 100 });
  book.lease('a', asking(40), 0);
  book.settle({ session: 's1', n: 1, used: tokens(30) }, 0);
  book.lease('a', asking(20, { n: 2, held: tokens(30), used: tokens(30) }), 0);
  expect([book.posted, book.reserved]).toEqual([tokens(30), tokens(20)]);
  book.settle({ session: 's1', n: 2, used: tokens(45) }, 0);
  expect([book.posted, book.reserved]).toEqual([tokens(45), NOTHING]);
});

test('news of an older lease, and of a session that is not known, change nothing', () => {
  const book = bookOf({ tokens: 100 });
  book.lease('a', asking(40), 0);
  book.lease('a', asking(10, { n: 2, held: tokens(40) }), 0);
  book.settle({ session: 's1', n: 1, used: tokens(5) }, 0);
  book.settle({ session: 'nobody', n: 9, used: tokens(5) }, 0);
  book.found([{ session: 's1', n: 1, state: 'ended', used: NOTHING }], 0);
  expect([book.posted, book.reserved]).toEqual([NOTHING, tokens(50)]);
});

describe('a new window', () => {
  test('forgets what was spent, and keeps what is leased', () => {
    const book = bookOf({ tokens: 100 });
    book.lease('a', asking(60), 0);
    book.lease('a', asking(30, { session: 's2' }), 0);
    book.settle({ session: 's1', n: 1, used: tokens(60) }, 0);
    book.roll(SECOND, DAY_MS);
    expect([book.posted, book.reserved]).toEqual([NOTHING, tokens(30)]);
    expect(book.lease('a', asking(90, { session: 's3' }), DAY_MS).granted).toEqual(tokens(70));
  });

  test('knows what was settled after the last one was over, and before it began', () => {
    const book = bookOf({ tokens: 100 });
    book.lease('a', asking(60), 0);
    book.settle({ session: 's1', n: 1, used: tokens(60) }, DAY_MS);
    book.roll(SECOND, DAY_MS);
    expect(book.posted).toEqual(tokens(60));
    book.roll({ startMs: 2 * DAY_MS, endMs: 3 * DAY_MS }, 2 * DAY_MS);
    expect(book.posted).toEqual(NOTHING);
  });

  test('that another kind of window takes the place of hands nothing on twice', () => {
    const book = bookOf({ tokens: 100 });
    book.lease('a', asking(70), 0);
    book.settle({ session: 's1', n: 1, used: tokens(70) }, DAY_MS + 1);
    const hour = { startMs: DAY_MS, endMs: DAY_MS + 3_600_000 };
    book.set({ per: 'hour', by: 'boss', tokens: 100, setMs: DAY_MS + 2 }, hour);
    expect(book.posted).toEqual(tokens(70));
    book.roll({ startMs: hour.endMs, endMs: hour.endMs + 3_600_000 }, hour.endMs);
    expect(book.posted).toEqual(NOTHING);
  });

  test('that was over before it was known hands what came late on to the one after it', () => {
    const book = bookOf({ tokens: 100 });
    book.lease('a', asking(60), 0);
    // No worker said when the second day ends until the third had begun.
    book.settle({ session: 's1', n: 1, used: tokens(60) }, 2 * DAY_MS + 1);
    book.roll(SECOND, 2 * DAY_MS + 2);
    book.roll({ startMs: 2 * DAY_MS, endMs: 3 * DAY_MS }, 2 * DAY_MS + 3);
    expect(book.posted).toEqual(tokens(60));
    expect(book.lease('a', asking(90, { session: 's2' }), 2 * DAY_MS + 4).granted).toEqual(tokens(40));
    book.roll({ startMs: 3 * DAY_MS, endMs: 4 * DAY_MS }, 3 * DAY_MS);
    expect(book.posted).toEqual(NOTHING);
  });

  test('is not burdened with what a session that goes on has used before', () => {
    const book = bookOf({ tokens: 100 });
    book.lease('a', asking(60), 0);
    book.found([{ session: 's1', n: 1, state: 'running', used: tokens(50) }], LEASE_MS);
    expect([book.posted, book.reserved]).toEqual([tokens(50), tokens(10)]);
    book.roll(SECOND, DAY_MS);
    expect([book.posted, book.reserved]).toEqual([NOTHING, tokens(10)]);
  });
});

describe('a lease that expires', () => {
  test('of a session that runs is looked at ever more seldom, four hours at most', () => {
    const book = bookOf({ tokens: 100 });
    book.lease('a', asking(60), 0);
    let nowMs = 0;
    const waits: number[] = [];
    for (let index = 0; index < 7; index++) {
      const dueMs = Math.min(...[...book.leases.values()].map(({ expiresMs }) => expiresMs));
      waits.push((dueMs - nowMs) / LEASE_MS);
      nowMs = dueMs;
      expect(book.expired(nowMs, 10)).toHaveLength(1);
      book.found([{ session: 's1', n: 1, state: 'running', used: NOTHING }], nowMs);
    }
    expect(waits).toEqual([1, 1, 2, 4, 8, 16, 24]);
  });

  test.each([
    ['that ended, is posted with what its log says', 'ended', tokens(20), tokens(20), NOTHING],
    ['that ended and may have used more, is posted in full', 'ended', null, tokens(60), NOTHING],
    ['that could not be looked at, stays', 'unknown', null, NOTHING, tokens(60)],
  ] as const)('of a session %s', (_what, state, used, posted, reserved) => {
    const book = bookOf({ tokens: 100 });
    book.lease('a', asking(60), 0);
    book.found([{ session: 's1', n: 1, state, used }], LEASE_MS);
    expect([book.posted, book.reserved]).toEqual([posted, reserved]);
  });
});

test('what is not limited is leased at once, as far as the session can use it', () => {
  const book = bookOf({ tokens: 100 });
  const most = { usdNano: 5, tokens: 1_000_000, toolCalls: 2 ** 50 };
  const { granted } = book.lease('a', asking(10, { most }), 0);
  expect(granted).toEqual({ usdNano: 5, tokens: 10, toolCalls: UNLIMITED_LEASE });
  book.set({ per: 'day', by: 'boss', setMs: 0, toolCalls: 10 }, FIRST);
  expect(book.lease('a', asking(0, { session: 's2', want: { ...NOTHING, toolCalls: 1 } }), 0).granted).toMatchObject({
    toolCalls: 0,
  });
});

test('an account that was lost counts what sessions hold, though it be above its limit', () => {
  const book = bookOf({ tokens: 100 });
  const answer = book.lease('a', asking(10, { n: 4, held: tokens(150), used: tokens(20), least: tokens(10) }), 0);
  expect(answer.granted).toBeNull();
  expect(book.reserved).toEqual(tokens(130));
});

test('as many leases as fit into one payload, and no more', () => {
  const book = bookOf({ tokens: Number.MAX_SAFE_INTEGER });
  const id = (index: number): string => `sess_1795000000000_${String(index).padStart(12, '0')}`;
  for (let index = 0; index < MAX_LEASES; index++)
    expect(book.lease('a', asking(200_000, { session: id(index) }), 1_795_000_000_000).granted).not.toBeNull();
  expect(book.lease('a', asking(1, { session: 'one more' }), 0)).toEqual({
    granted: null,
    why: 'The account a has as many leases as it can hold.',
  });
  expect(Buffer.byteLength(JSON.stringify(book.carry()))).toBeLessThan(2_000_000);

  const long = bookOf({ tokens: Number.MAX_SAFE_INTEGER });
  for (let index = 0; index < MAX_LEASES; index++) long.lease('a', asking(1, { session: 'x'.repeat(900) + index }), 0);
  expect(long.leases.size).toBeGreaterThan(1_000);
  expect(Buffer.byteLength(JSON.stringify(long.carry()))).toBeLessThan(2_000_000);
});

describe("a contract's accounts", () => {
  test('have the names of the session in them, each once', () => {
    const session = { user: 'ann@acme.com', agent: '{user}' };
    expect(accountsOf(['tenant/acme', 'user/{user}', 'a/{agent}'], 'user/ann@acme.com', session)).toEqual([
      'tenant/acme',
      'user/ann@acme.com',
      'a/{user}',
    ]);
    expect(() => accountsOf(['{user}'], undefined, { user: 'x'.repeat(201), agent: 'a' })).toThrow(/201 characters/);
  });

  test.each([
    ['tenant/{tenant}', /only placeholders/],
    ['user/{user', /only placeholders/],
    ['', /must be text/],
    ['a\nb', /control characters/],
    ['x'.repeat(201), /201 characters/],
  ])('%j is none', (template, says) => {
    expect(accountTemplateProblem(template)).toMatch(says);
  });
});
