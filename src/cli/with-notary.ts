import type { LoadedConfig } from '../config/load.ts';
import type { Notary } from '../notary/notary.ts';
import type { Store } from '../store/store.ts';
import { readConfig } from './config.ts';
import type { Terminal } from './terminal.ts';
import { withStore } from './with-store.ts';

/** What a command signs with. */
export interface Signing {
  readonly config: LoadedConfig;
  readonly store: Store;
  readonly notary: Notary;
}

/** Longest that sinks take to write what waits. */
const SINKS_MS = 10_000;

/**
 * Opens a contract file's store, notary and sinks, and closes them after `work`.
 *
 * @throws AegrailError CONFIG_INVALID, also without a `signing` block
 */
export async function withNotary<T>(
  name: string | undefined,
  terminal: Terminal,
  work: (signing: Signing) => Promise<T>,
): Promise<T> {
  const { env } = terminal;
  const config = await readConfig(name, terminal.cwd);
  const [{ openNotary }, { openSinks }, { createFanout }, { stderrLogger }] = await Promise.all([
    import('../notary/open.ts'),
    import('../sinks/open.ts'),
    import('../sinks/fanout.ts'),
    import('./logger.ts'),
  ]);
  return withStore(name, terminal, async (store) => {
    const logger = stderrLogger('warn');
    const fanout = createFanout(openSinks(config.file.sinks, config.source.baseDir, env), { logger });
    const publish = (note: string): void => fanout.publishCheckpoint(note);
    try {
      const notary = openNotary(config, { store, env, publish, logger });
      return await work({ config, store, notary });
    } finally {
      await fanout.close(SINKS_MS);
    }
  });
}
