import type { Searchable } from '../protocol.ts';
import { searchableIn, type SearchServices } from './search-attributes.ts';

/** An answer is taken for true so long: attributes are registered, and removed, while workers run. */
const FRESH_MS = 60_000;

/**
 * Looks up which search attributes a session may set, at most once a minute.
 *
 * @param isEncrypted whether payloads are: search attributes never are, so the user is left out
 * @returns never rejects: a namespace that can't be looked at has none, and its sessions run without
 */
export function watchSearchable(
  services: SearchServices,
  namespace: string,
  isEncrypted: boolean,
): () => Promise<readonly Searchable[]> {
  let asked: { readonly atMs: number; readonly answer: Promise<readonly Searchable[]> } | null = null;
  return () => {
    if (asked === null || performance.now() - asked.atMs > FRESH_MS) {
      const answer = searchableIn(services, namespace).then(
        (found) => (isEncrypted ? found.filter((name) => name !== 'user') : found),
        () => [],
      );
      asked = { atMs: performance.now(), answer };
    }
    return asked.answer;
  };
}
