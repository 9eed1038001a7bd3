import type { LoadedConfig } from '../config/load.ts';
import { parseEntry } from '../signing/entry.ts';
import { createKeyHistory, type KeyHistory } from '../signing/key-history.ts';
import type { TreeStore } from '../store/tree-store.ts';
import type { Terminal } from './terminal.ts';
import { isStoreThere, withStore } from './with-store.ts';

/** The keys that the statements of a log make. */
export async function historyOf(tree: TreeStore): Promise<KeyHistory> {
  const history = createKeyHistory();
  for await (const entry of tree.entries(0)) history.take(parseEntry(entry));
  return history;
}

/**
 * The keys that the log in a contract file's store knows: none where no worker has made that store yet.
 *
 * @throws AegrailError AUDIT_UNAVAILABLE, CONFIG_INVALID for a store that can not be read
 */
export async function keysInStore(config: LoadedConfig, terminal: Terminal): Promise<KeyHistory> {
  if (!isStoreThere(config)) return createKeyHistory();
  return withStore(config, terminal, (store) => historyOf(store.tree));
}
