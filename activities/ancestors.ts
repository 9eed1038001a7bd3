import { messageOf } from '../src/core/errors.ts';
import { PARENT_GONE } from '../src/calls.ts';
import type { SessionLookup } from '../src/temporal/session-lookup.ts';
import { callFailure } from './failure.ts';

/** How old what is known of a session above may be: so long a call may still begin after that one was ended. */
const SEEN_WITHIN_MS = 1_000;
/** Sessions that are remembered. */
const MAX_REMEMBERED = 10_000;

/** Knows whether the sessions above one still run. */
export interface Ancestors {
  /** The first that has ended; null when all run. @throws when Temporal does not answer */
  ended(above: readonly string[]): Promise<string | null>;
  /** Whether a session has ended, as it is at this moment. @throws when Temporal does not answer */
  isOver(id: string): Promise<boolean>;
}

/**
 * Looks at sessions above others, each once a second at most. One that cancels has those below cancelled itself;
 * this is for one that was ended from outside, and could not.
 */
export function watchAncestors(sessions: SessionLookup): Ancestors {
  const seen = new Map<string, { readonly runs: Promise<boolean>; readonly atMs: number }>();
  const runs = (id: string): Promise<boolean> => {
    const known = seen.get(id);
    if (known && performance.now() - known.atMs < SEEN_WITHIN_MS) return known.runs;
    const look = sessions.statusOf(id).then((status) => status === 'running');
    look.catch(() => seen.delete(id));
    seen.delete(id);
    if (seen.size >= MAX_REMEMBERED) seen.delete(seen.keys().next().value ?? '');
    seen.set(id, { runs: look, atMs: performance.now() });
    return look;
  };
  return {
    async ended(above) {
      for (const id of above) if (!(await runs(id))) return id;
      return null;
    },
    isOver: async (id) => (await sessions.statusOf(id)) !== 'running',
  };
}

/** @throws ApplicationFailure DELEGATION_REFUSED when a session above has ended, or nobody can say so now */
export async function refuseOrphan(ancestors: Ancestors, above: readonly string[] | undefined): Promise<void> {
  if (!above || above.length === 0) return;
  let ended: string | null;
  try {
    ended = await ancestors.ended(above);
  } catch (thrown) {
    const why = `Whether the sessions above this one run is not known: ${messageOf(thrown)}`;
    throw callFailure('DELEGATION_REFUSED', 'PARENT_UNKNOWN', why, { started: 'no', stored: false, retryable: true });
  }
  if (ended === null) return;
  const why = `The session ${ended}, which this one works for, has ended.`;
  throw callFailure('DELEGATION_REFUSED', PARENT_GONE, why, { started: 'no', stored: false });
}

/**
 * A sub-agent that was terminated is settled by its log. A call of it that had reached a worker by then, and is in the log only
 * now, must not run: its parent does not count it any more.
 *
 * @throws ApplicationFailure DELEGATION_REFUSED
 */
export async function refuseSettled(
  ancestors: Ancestors,
  id: string,
  above: readonly string[] | undefined,
): Promise<void> {
  if (!above || above.length === 0) return;
  // Nobody can say: what may be settled does not run.
  if (!(await ancestors.isOver(id).catch(() => true))) return;
  throw callFailure('DELEGATION_REFUSED', PARENT_GONE, `The session ${id} has ended.`, { started: 'no' });
}
