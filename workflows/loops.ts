import { judgeCall, type LoopRule, NO_CALLS, type RecentCalls } from '../src/core/loops.ts';
import type { Denial } from '../src/core/refusals.ts';
import type { AskedCall } from '../src/calls.ts';

/** Sees whether a model goes round in circles. It knows what was asked for, whatever a store says: a reset forgets nothing. */
export interface LoopWatch {
  /** Decides a call that the model asks for, once: a further try of it, or its approval, is no other call. */
  judge(asked: AskedCall): Denial | null;
  /** What was said was answered: what is said next may ask for the same things. */
  answered(): void;
  /** What another run of the session goes on from. */
  recent(): RecentCalls;
}

/** Watches a session. @param before the calls that it remembers from the run before */
export function watchLoops(rule: LoopRule | undefined, before: RecentCalls): LoopWatch {
  const judged = new WeakMap<AskedCall, Denial | null>();
  let recent = before;
  return {
    judge(asked) {
      const known = judged.get(asked);
      if (known !== undefined) return known;
      const { denial, calls } = judgeCall(recent, asked, rule);
      recent = calls;
      judged.set(asked, denial);
      return denial;
    },
    answered() {
      recent = NO_CALLS;
    },
    recent: () => recent,
  };
}
