import type { NativeConnection } from '@temporalio/worker';
import type { Searchable } from '../core/searchable.ts';
import { searchableIn, type SearchServices } from './search-attributes.ts';

/** An answer is taken for true so long: attributes are registered, and removed, while workers run. */
const FRESH_MS = 60_000;
/** The same when the server did not answer. */
const ASK_AGAIN_MS = 5_000;
/** Longest that a session waits for the answer before it begins. */
const ANSWER_WITHIN_MS = 3_000;

/**
 * Looks up which search attributes a session may set, at most once a minute.
 *
 * @param isEncrypted whether payloads are: search attributes never are, so the user is left out
 * @returns never rejects: a namespace that can't be looked at has none, and its sessions run without
 */
export function watchSearchable(
  connection: SearchServices & Pick<NativeConnection, 'withDeadline'>,
  namespace: string,
  isEncrypted: boolean,
): () => Promise<readonly Searchable[]> {
  let answer: Promise<readonly Searchable[]> = Promise.resolve([]);
  let freshUntilMs = 0;
  const look = async (): Promise<readonly Searchable[]> => {
    try {
      const found = await connection.withDeadline(Date.now() + ANSWER_WITHIN_MS, () =>
        searchableIn(connection, namespace),
      );
      return isEncrypted ? found.filter((name) => name !== 'user') : found;
    } catch {
      freshUntilMs = performance.now() + ASK_AGAIN_MS;
      return [];
    }
  };
  return () => {
    if (performance.now() > freshUntilMs) {
      freshUntilMs = performance.now() + FRESH_MS;
      answer = look();
    }
    return answer;
  };
}
