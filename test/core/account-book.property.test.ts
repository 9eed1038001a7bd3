import fc from 'fast-check';
import { expect, test } from 'vitest';
import { AccountBook, DIMENSIONS, each, less } from '../../src/core/account-book.ts';
import type { AccountLimits, LeaseAsk } from '../../src/core/account-input.ts';
import { addAmounts, type Amounts, NOTHING } from '../../src/core/ledger.ts';

const HOUR_MS = 3_600_000;
const SESSIONS = 4;

const amounts = fc.record({ usdNano: fc.nat(40), tokens: fc.nat(40), toolCalls: fc.nat(6) });
const limit = fc.oneof(fc.constant(null), fc.nat(120));
const limits = fc.record({ usdNano: limit, tokens: limit, toolCalls: limit });

type Act =
  | {
      readonly kind: 'lease';
      readonly who: number;
      readonly want: Amounts;
      readonly least: Amounts;
      readonly lost: boolean;
    }
  | { readonly kind: 'spend'; readonly who: number; readonly amounts: Amounts }
  | { readonly kind: 'end'; readonly who: number; readonly told: boolean }
  | { readonly kind: 'reset'; readonly who: number }
  | { readonly kind: 'pass'; readonly ms: number }
  | { readonly kind: 'look' }
  | { readonly kind: 'carry' }
  | { readonly kind: 'set'; readonly limits: AccountLimits };

const who = fc.nat(SESSIONS - 1);
const act: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('lease'), who, want: amounts, least: amounts, lost: fc.boolean() }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('spend'), who, amounts }) },
  fc.record({ kind: fc.constant('end'), who, told: fc.boolean() }),
  fc.record({ kind: fc.constant('reset'), who }),
  fc.record({ kind: fc.constant('pass'), ms: fc.integer({ min: 0, max: 2 * HOUR_MS }) }),
  fc.record({ kind: fc.constant('look') }),
  fc.record({ kind: fc.constant('carry') }),
);
const set: fc.Arbitrary<Act> = fc.record({ kind: fc.constant('set'), limits });

/** A session as its own log knows it. */
interface Player {
  n: number;
  held: Amounts;
  used: Amounts;
  isOver: boolean;
}

/** An account of hours, and sessions that spend what they hold, in any order. */
function play(first: AccountLimits, acts: readonly Act[], onStep: (made: ReturnType<typeof world>) => void) {
  const made = world(first);
  for (const one of acts) {
    made.play(one);
    onStep(made);
  }
  return made;
}

function world(first: AccountLimits) {
  let nowMs = 0;
  let book = new AccountBook({
    terms: termsOf(first),
    window: { startMs: 0, endMs: HOUR_MS },
    posted: NOTHING,
    late: NOTHING,
    leases: [],
  });
  const players: Player[] = Array.from({ length: SESSIONS }, () => fresh());
  /** What was really spent, by the hour it was spent in. */
  const spent = new Map<number, Amounts>();
  let spentInAll = NOTHING;
  let postedBefore = NOTHING;
  const rolled = (): void => {
    // The timer may be late: what happens before it is judged by the old window.
    if (nowMs < (book.window.endMs ?? 0)) return;
    const before = book.posted;
    const startMs = Math.floor(nowMs / HOUR_MS) * HOUR_MS;
    book.roll({ startMs, endMs: startMs + HOUR_MS }, nowMs);
    postedBefore = addAmounts(postedBefore, less(before, book.posted));
  };
  const over = (player: Player, index: number): void => {
    player.isOver = true;
    if (player.n > 0) book.settle({ session: `s${index}`, n: player.n, used: player.used }, nowMs);
  };
  return {
    players,
    spent,
    book: () => book,
    inAll: () => ({ spentInAll, posted: addAmounts(postedBefore, book.posted) }),
    hour: () => Math.floor(nowMs / HOUR_MS),
    over,
    rolled,
    play(one: Act) {
      switch (one.kind) {
        case 'lease': {
          const player = players[one.who]!;
          if (player.isOver) return;
          const least = each((name) => Math.min(one.least[name], one.want[name]));
          const ask: LeaseAsk = {
            ...one,
            least,
            most: one.want,
            session: `s${one.who}`,
            n: player.n + 1,
            held: player.held,
            used: player.used,
          };
          const answer = book.lease('a', ask, nowMs);
          const again = book.lease('a', ask, nowMs);
          if (answer.granted) expect(again.granted).toEqual(answer.granted);
          // An answer that got lost: the session asks again later.
          if (one.lost || !answer.granted) return;
          player.n += 1;
          player.held = addAmounts(player.held, answer.granted);
          return;
        }
        case 'spend': {
          const player = players[one.who]!;
          if (player.isOver) return;
          const left = less(player.held, player.used);
          const paid = each((name) => Math.min(one.amounts[name], left[name]));
          player.used = addAmounts(player.used, paid);
          spentInAll = addAmounts(spentInAll, paid);
          const hour = Math.floor(nowMs / HOUR_MS);
          spent.set(hour, addAmounts(spent.get(hour) ?? NOTHING, paid));
          return;
        }
        case 'end': {
          const player = players[one.who]!;
          if (player.isOver) return;
          if (one.told) over(player, one.who);
          else player.isOver = true;
          return;
        }
        case 'reset': {
          // Another run goes on with the log, and holds no more than it used.
          const player = players[one.who]!;
          player.isOver = false;
          player.held = player.used;
          return;
        }
        case 'pass':
          nowMs += one.ms;
          if (one.ms % 2 === 0) rolled();
          return;
        case 'look': {
          rolled();
          const found = book.expired(nowMs, 100).map(({ session, n }) => {
            const player = players[Number(session.slice(1))]!;
            return { session, n, state: player.isOver ? ('ended' as const) : ('running' as const), used: player.used };
          });
          book.found(found, nowMs);
          return;
        }
        case 'carry':
          book = new AccountBook(JSON.parse(JSON.stringify(book.carry())) as ReturnType<AccountBook['carry']>);
          return;
        case 'set':
          book.set(termsOf(one.limits), book.window);
      }
    },
  };
}

function fresh(): Player {
  return { n: 0, held: NOTHING, used: NOTHING, isOver: false };
}

function termsOf({ usdNano, tokens, toolCalls }: AccountLimits) {
  return {
    ...(usdNano === null ? {} : { usd: usdNano / 1e9 }),
    ...(tokens === null ? {} : { tokens }),
    ...(toolCalls === null ? {} : { toolCalls }),
    per: 'hour' as const,
    by: 'test',
    setMs: 0,
  };
}

function within(given: Amounts, most: AccountLimits): boolean {
  return DIMENSIONS.every((name) => given[name] <= (most[name] ?? Number.POSITIVE_INFINITY));
}

test('whatever the order, posted and reserved stay within the limits, and so does what is really spent in an hour', () => {
  fc.assert(
    fc.property(limits, fc.array(act, { maxLength: 60 }), (given, acts) => {
      const made = play(given, acts, ({ book, spent, hour }) => {
        expect(within(addAmounts(book().posted, book().reserved), given)).toBe(true);
        expect(within(spent.get(hour()) ?? NOTHING, given)).toBe(true);
      });
      for (const spent of made.spent.values()) expect(within(spent, given)).toBe(true);
    }),
    { numRuns: 2_000 },
  );
});

test('when all sessions are settled, what is posted is what was spent, and nothing is reserved', () => {
  fc.assert(
    fc.property(limits, fc.array(act, { maxLength: 60 }), (given, acts) => {
      const made = play(
        given,
        acts.filter(({ kind }) => kind !== 'pass'),
        () => {},
      );
      for (const [index, player] of made.players.entries()) {
        // Whoever holds a lease is found, whatever its log knew of it.
        const held = made.book().leases.get(`s${index}`);
        if (held) made.book().found([{ session: held.session, n: held.n, state: 'ended', used: player.used }], 0);
      }
      expect(made.book().reserved).toEqual(NOTHING);
      expect(made.inAll().posted).toEqual(made.inAll().spentInAll);
    }),
    { numRuns: 1_000 },
  );
});

test('a lower limit takes nothing away, and leases nothing more until there is room', () => {
  fc.assert(
    fc.property(limits, fc.array(fc.oneof({ weight: 8, arbitrary: act }, set), { maxLength: 60 }), (given, acts) => {
      let total = NOTHING;
      let now = given;
      const made = world(given);
      for (const one of acts) {
        if (one.kind === 'set') now = one.limits;
        const before = total;
        made.play(one);
        total = addAmounts(made.book().posted, made.book().reserved);
        for (const name of DIMENSIONS)
          if (total[name] > before[name]) expect(total[name]).toBeLessThanOrEqual(now[name] ?? Number.MAX_SAFE_INTEGER);
      }
    }),
    { numRuns: 1_000 },
  );
});
