import {
  type AccountLimits,
  type AccountSetInput,
  type LeaseAnswer,
  type LeaseAsk,
  limitsOfSet,
  type SettleInput,
} from './account-input.ts';
import { fullSentence, shortSentence } from './account-words.ts';
import { addAmounts, type Amounts, NOTHING } from './ledger.ts';
import { utf8Bytes } from './values.ts';

/** A window of an account; milliseconds since the epoch. It is over at `endMs`; null: never. */
export interface AccountWindow {
  readonly startMs: number;
  readonly endMs: number | null;
}

/** What an account was last set to, and when. */
export interface AccountTerms extends AccountSetInput {
  readonly setMs: number;
}

/** One session's lease. What it has reserved is `total` less `base`. */
export interface HeldLease {
  readonly session: string;
  readonly n: number;
  /** All that the session was leased since it began. */
  readonly total: Amounts;
  /** What of that it used, and is posted already. */
  readonly base: Amounts;
  /** When the session is looked at. */
  readonly expiresMs: number;
  /** How often it was found running since its last lease. */
  readonly checks: number;
}

/** What was found of a session whose lease expired. */
export interface FoundHolder {
  readonly session: string;
  /** Its lease when it was looked for: one that came since is another matter. */
  readonly n: number;
  /** `unknown`: it could not be looked at. */
  readonly state: 'running' | 'ended' | 'unknown';
  /** What it used by its stored log; null: as much as it was leased. */
  readonly used: Amounts | null;
}

/** A lease as one run of an account hands it to the next: names would be most of the payload. */
type WireLease = readonly [
  session: string,
  n: number,
  total: readonly [number, number, number],
  base: readonly [number, number, number],
  expiresMs: number,
  checks: number,
];

/** All that an account is, as plain JSON: what one run of it hands to the next. */
export interface AccountCarry {
  readonly terms: AccountTerms;
  readonly window: AccountWindow;
  readonly posted: Amounts;
  readonly late: Amounts;
  readonly leases: readonly WireLease[];
}

/** How long a session that asks for nothing is not looked at. It doubles while it is found running. */
export const LEASE_MS = 600_000;
const LONGEST_LEASE_MS = 4 * 3_600_000;
/** How long after it could not be looked at it is tried again. */
const LOOK_AGAIN_MS = 60_000;
/** Most leases at once, and most bytes of them: they go from run to run in one payload of Temporal's, 2 MB. */
export const MAX_LEASES = 12_000;
const MAX_LEASE_BYTES = 1_600_000;
/** What is leased at once of a dimension that the account does not limit, or all that the session may use. */
export const UNLIMITED_LEASE = 2 ** 36;
/** The dimensions that add up. */
export const DIMENSIONS = ['usdNano', 'tokens', 'toolCalls'] as const;

/**
 * One account: what is posted in its window, and who holds what. What is posted and reserved never grows above a limit,
 * whatever the order of what happens; only a limit that is lowered, or an account that was lost and made again, finds it above.
 *
 * Mutable, for ten thousand leases are not copied for each. It knows no clock: every time is given.
 */
export class AccountBook {
  #terms: AccountTerms;
  #limits: AccountLimits;
  #window: AccountWindow;
  #posted: Amounts;
  /** What was posted after the window's end, and before the next one was known: it belongs to both. */
  #late: Amounts;
  #reserved: Amounts = NOTHING;
  #bytes = 0;
  readonly #leases = new Map<string, HeldLease>();

  constructor({ terms, window, posted, late, leases }: AccountCarry) {
    this.#terms = terms;
    this.#limits = limitsOfSet(terms);
    this.#window = window;
    this.#posted = posted;
    this.#late = late;
    for (const wire of leases) this.#keep(leaseOfWire(wire));
  }

  get terms(): AccountTerms {
    return this.#terms;
  }
  get limits(): AccountLimits {
    return this.#limits;
  }
  get window(): AccountWindow {
    return this.#window;
  }
  get posted(): Amounts {
    return this.#posted;
  }
  /** What all leases still hold. */
  get reserved(): Amounts {
    return this.#reserved;
  }
  get leases(): ReadonlyMap<string, HeldLease> {
    return this.#leases;
  }

  /** Sets other terms. What is posted stays so in another kind of window, until that ends. */
  set(terms: AccountTerms, window: AccountWindow): void {
    this.#terms = terms;
    this.#limits = limitsOfSet(terms);
    // What came late is posted in this one, and not once more in the next.
    if (window !== this.#window && terms.setMs < (window.endMs ?? Number.POSITIVE_INFINITY)) this.#late = NOTHING;
    this.#window = window;
  }

  /** Begins the next window. What is leased stays reserved. One that is over by now hands what came late on to the next. */
  roll(window: AccountWindow, nowMs: number): void {
    this.#window = window;
    this.#posted = this.#late;
    if (window.endMs === null || nowMs < window.endMs) this.#late = NOTHING;
  }

  /** Answers a session. The same question again gets the same answer. */
  lease(account: string, ask: LeaseAsk, nowMs: number): LeaseAnswer {
    const known = this.#leases.get(ask.session);
    const before = known ? this.#brought(known, ask, nowMs) : firstLease(ask, nowMs);
    // What a session holds already is a fact, whether the account remembers it or not.
    if (!known && !covers(before.base, before.total)) this.#keep(before);
    const have = less(before.total, ask.held);
    if (known && ask.n <= known.n && covers(have, ask.least)) return { granted: have, why: null };
    const raise = this.#fitting(ask, have);
    const granted = addAmounts(have, raise);
    const total = addAmounts(before.total, raise);
    const isFull = !known && this.#isFull(ask.session);
    const why = isFull ? fullSentence(account) : shortSentence(account, this, ask, granted);
    if (isFull || !covers(granted, ask.least)) return { granted: null, why };
    this.#keep({ ...before, n: Math.max(ask.n, before.n), total, expiresMs: nowMs + LEASE_MS, checks: 0 });
    return { granted, why };
  }

  /** Ends a lease with what its session used. One that is not the last is old news. */
  settle({ session, n, used }: SettleInput, nowMs: number): void {
    const held = this.#leases.get(session);
    if (!held || n < held.n) return;
    this.#drop(held);
    this.#post(less(used, held.base), nowMs);
  }

  /** The leases that have expired, the oldest first. */
  expired(nowMs: number, most: number): HeldLease[] {
    const due = [...this.#leases.values()].filter(({ expiresMs }) => expiresMs <= nowMs);
    return due.toSorted((a, b) => a.expiresMs - b.expiresMs).slice(0, most);
  }

  /** Takes what was found of sessions whose leases expired: dead ones give back what they did not use. */
  found(holders: readonly FoundHolder[], nowMs: number): void {
    for (const { session, n, state, used } of holders) {
      const held = this.#leases.get(session);
      if (!held || held.n !== n) continue;
      if (state === 'ended') this.settle({ session, n, used: used ?? held.total }, nowMs);
      else if (state === 'unknown') this.#keep({ ...held, expiresMs: nowMs + LOOK_AGAIN_MS });
      else {
        const waitMs = Math.min(LEASE_MS * 2 ** held.checks, LONGEST_LEASE_MS);
        const brought = this.#posting(held, used ?? held.base, nowMs);
        this.#keep({ ...brought, expiresMs: nowMs + waitMs, checks: held.checks + 1 });
      }
    }
  }

  /** When something is to be done next: the window's end, or a look at a session. Infinity: nothing. */
  dueMs(): number {
    let due = this.#window.endMs ?? Number.POSITIVE_INFINITY;
    for (const { expiresMs } of this.#leases.values()) if (expiresMs < due) due = expiresMs;
    return due;
  }

  /** What the next run goes on from. */
  carry(): AccountCarry {
    const leases = [...this.#leases.values()].map((held) => wireLease(held));
    return { terms: this.#terms, window: this.#window, posted: this.#posted, late: this.#late, leases };
  }

  /** A lease as its session's own words make it: what it used meanwhile is posted, and what it holds is a fact. */
  #brought(known: HeldLease, { held, used }: LeaseAsk, nowMs: number): HeldLease {
    const total = each((dimension) => Math.max(known.total[dimension], held[dimension]));
    const lease = this.#posting({ ...known, total }, used, nowMs);
    this.#keep(lease);
    return lease;
  }

  #posting(held: HeldLease, used: Amounts, nowMs: number): HeldLease {
    const base = each((dimension) => Math.max(held.base[dimension], Math.min(used[dimension], held.total[dimension])));
    this.#post(less(base, held.base), nowMs);
    return { ...held, base };
  }

  #post(amounts: Amounts, nowMs: number): void {
    this.#posted = bounded(addAmounts(this.#posted, amounts));
    const { endMs } = this.#window;
    if (endMs !== null && nowMs >= endMs) this.#late = bounded(addAmounts(this.#late, amounts));
  }

  /** What of that which is asked for and not yet leased the limits leave. */
  #fitting({ want, least, most }: LeaseAsk, have: Amounts): Amounts {
    return each((dimension) => {
      const limit = this.#limits[dimension];
      const free = (limit ?? Number.MAX_SAFE_INTEGER) - this.#posted[dimension] - this.#reserved[dimension];
      const unlimited = Math.min(most[dimension], Math.max(least[dimension], UNLIMITED_LEASE));
      const wanted = limit === null ? unlimited : want[dimension];
      return Math.max(0, Math.min(wanted - have[dimension], free));
    });
  }

  #isFull(session: string): boolean {
    return this.#leases.size >= MAX_LEASES || this.#bytes + utf8Bytes(session) > MAX_LEASE_BYTES;
  }

  #keep(held: HeldLease): void {
    const before = this.#leases.get(held.session);
    if (before) this.#count(before, -1);
    this.#leases.set(held.session, held);
    this.#count(held, 1);
  }

  #drop(held: HeldLease): void {
    this.#leases.delete(held.session);
    this.#count(held, -1);
  }

  #count(held: HeldLease, sign: 1 | -1): void {
    const holds = less(held.total, held.base);
    this.#reserved = each((dimension) => this.#reserved[dimension] + sign * holds[dimension]);
    this.#bytes += sign * utf8Bytes(JSON.stringify(wireLease(held)));
  }
}

/** A session that the account does not know: a new one, or one that it has settled with, which was reset since. */
function firstLease({ session, held, used }: LeaseAsk, nowMs: number): HeldLease {
  const total = each((dimension) => Math.max(held[dimension], used[dimension]));
  return { session, n: 0, total, base: used, expiresMs: nowMs + LEASE_MS, checks: 0 };
}

/** In each dimension that adds up, the same. */
export function each(amount: (dimension: keyof Amounts) => number): Amounts {
  return { usdNano: amount('usdNano'), tokens: amount('tokens'), toolCalls: amount('toolCalls') };
}

/** What of `from` is left without `taken`, and never less than nothing. */
export function less(from: Amounts, taken: Amounts): Amounts {
  return each((dimension) => Math.max(0, from[dimension] - taken[dimension]));
}

/** Whether there is enough in each dimension. */
export function covers(amounts: Amounts, needed: Amounts): boolean {
  return DIMENSIONS.every((dimension) => amounts[dimension] >= needed[dimension]);
}

function bounded(amounts: Amounts): Amounts {
  return each((dimension) => Math.min(amounts[dimension], Number.MAX_SAFE_INTEGER));
}

function wireLease({ session, n, total, base, expiresMs, checks }: HeldLease): WireLease {
  return [session, n, triple(total), triple(base), expiresMs, checks];
}

function leaseOfWire([session, n, total, base, expiresMs, checks]: WireLease): HeldLease {
  return { session, n, total: ofTriple(total), base: ofTriple(base), expiresMs, checks };
}

function triple({ usdNano, tokens, toolCalls }: Amounts): readonly [number, number, number] {
  return [usdNano, tokens, toolCalls];
}

function ofTriple([usdNano, tokens, toolCalls]: readonly [number, number, number]): Amounts {
  return { usdNano, tokens, toolCalls };
}
