/** Random numbers that a seed decides: the same seed draws the same numbers in the same order. */
export interface Random {
  /** From 0 up to, and without, 1. */
  next(): number;
  /** A whole number from `low` to `high`, both included. */
  whole(low: number, high: number): number;
  chance(probability: number): boolean;
  /** @throws RangeError when there is nothing to pick from */
  pick<T>(from: readonly T[]): T;
  /** Numbers of its own, so that who draws more does not change what others draw. */
  fork(): Random;
}

/** Starts a generator (Mulberry32, Tommy Ettinger, public domain): 32 bits of state are plenty for when to kill whom. */
export function seeded(seed: number): Random {
  let state = seed | 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  const whole = (low: number, high: number): number => low + Math.floor(next() * (high - low + 1));
  return {
    next,
    whole,
    chance: (probability) => next() < probability,
    pick<T>(from: readonly T[]): T {
      if (from.length === 0) throw new RangeError('there is nothing to pick from');
      return from[whole(0, from.length - 1)] as T;
    },
    fork: () => seeded(Math.floor(next() * 2 ** 32)),
  };
}
