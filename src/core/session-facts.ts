import { addAmounts, type Amounts, NOTHING, usedAmounts } from './ledger.ts';
import type { SessionState } from './session-state.ts';
import { addHistories, mostInFlight, type ToolHistories } from './tool-history.ts';

/** What rules see as the session: what was called and spent, by it and by those that it works with. */
export interface SessionFacts {
  /** Its own calls, those of its sub-agents, and those of the sessions above it before it was started. */
  readonly tools: ToolHistories;
  readonly denied: number;
  /** What the sessions above it had used or reserved when it was started. */
  readonly usedAbove: Amounts;
}

/** What rules over a session that has done nothing see. */
export const NO_FACTS: SessionFacts = { tools: {}, denied: 0, usedAbove: NOTHING };

/**
 * The facts of a session. What a sub-agent does is not known before it has ended: until then it counts as all that it may do, as
 * its slice of the budget does. So no rule is passed by handing a call to somebody else.
 */
export function sessionFacts({ tools, denied, above, agents }: SessionState): SessionFacts {
  let counted = above ? addHistories(above.tools, tools) : tools;
  for (const agent of Object.values(agents ?? {})) counted = addHistories(counted, mostInFlight(agent));
  return { tools: counted, denied: denied + (above?.denied ?? 0), usedAbove: above?.usedAbove ?? NOTHING };
}

/**
 * What the session of a sub-agent begins with: the facts of its parent, but for the slice that is its own.
 *
 * @param state right after the record that admitted it
 * @param seq that record's
 */
export function handDown(state: SessionState, seq: number): SessionFacts {
  const { [seq]: _, ...agents } = state.agents ?? {};
  const facts = sessionFacts({ ...state, agents });
  const pending = state.ledger.pending.filter((one) => one.seq !== seq);
  const theCall = { ...NOTHING, toolCalls: 1 };
  const used = addAmounts(usedAmounts({ ...state.ledger, pending }), theCall);
  return { ...facts, usedAbove: addAmounts(facts.usedAbove, used) };
}

/** What a session called, and how often it was denied, without what it was handed down: its parent's rules count that from then on. */
export function ownCalls(state: SessionState): { readonly calls: Record<string, number>; readonly denied: number } {
  const { above: _, ...own } = state;
  const { tools, denied } = sessionFacts(own);
  const called = Object.entries(tools).filter(([, { admitted }]) => admitted > 0);
  return { calls: Object.fromEntries(called.map(([tool, { admitted }]) => [tool, admitted])), denied };
}
