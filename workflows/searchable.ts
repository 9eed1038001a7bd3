import { defineSearchAttributeKey, type SearchAttributePair } from '@temporalio/common';
import { condition, upsertSearchAttributes, workflowInfo } from '@temporalio/workflow';
import { keywordOf, SEARCH_ATTRIBUTES, type Searchable, type SessionPhase } from '../src/core/searchable.ts';
import type { SessionResult } from '../src/protocol.ts';
import type { GuardContext } from './guard.ts';
import type { Inbox } from './inbox.ts';

/** Where a session waits for what is said. */
export type Talking = Pick<Inbox, 'isIdle'>;

/** What a session does now, in one word. Whoever pauses it comes first: until it is resumed nothing else moves it. */
export function phaseOf(
  { journal, approvals, purse }: GuardContext,
  inbox: Talking,
  result: SessionResult | null,
): SessionPhase {
  if (result) return 'ended';
  if (journal.state().paused) return 'paused';
  if (approvals.waiting().length > 0) return 'approval';
  if (purse.isAsking()) return 'budget';
  return inbox.isIdle() ? 'idle' : 'running';
}

/** The search attributes of a session. */
export interface SearchMarks {
  ended(result: SessionResult): void;
}

/**
 * Keeps a session's search attributes: whose it is from its beginning, and what it does whenever that has become another
 * thing by the end of a workflow task's turn. What passes within one is not written to history.
 *
 * @param searchable what the worker found registered; nothing else may be set
 */
export function markForSearch(
  { contract, principal }: GuardContext,
  searchable: readonly Searchable[],
  phase: () => SessionPhase,
): SearchMarks {
  if (searchable.length === 0) return { ended() {} };
  const mark = (values: { readonly [Name in Searchable]?: string }): void => upsert(searchable, values);
  mark({ agent: contract.agent, user: principal.user, state: phase() });
  let shown = phase();
  void followPhase();
  return {
    ended({ outcome }) {
      shown = 'ended';
      mark({ state: shown, outcome });
    },
  };

  async function followPhase(): Promise<void> {
    while (shown !== 'ended') {
      await condition(() => phase() !== shown);
      shown = phase();
      mark({ state: shown });
    }
  }
}

/** Sets those that have another value, or none: another run of a session begins with what the last one set. */
function upsert(searchable: readonly Searchable[], values: { readonly [Name in Searchable]?: string }): void {
  const { typedSearchAttributes } = workflowInfo();
  const pairs = searchable.flatMap((name): SearchAttributePair[] => {
    const key = defineSearchAttributeKey(SEARCH_ATTRIBUTES[name], 'KEYWORD');
    const value = values[name] === undefined ? undefined : keywordOf(values[name]);
    return value === undefined || typedSearchAttributes.get(key) === value ? [] : [{ key, value }];
  });
  if (pairs.length > 0) upsertSearchAttributes(pairs);
}
