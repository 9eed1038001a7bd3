import { join, resolve } from 'node:path';
import { DefaultLogger } from '@temporalio/worker';
import { bundleWorkflows } from '../bundle/bundle.ts';
import { keptBundle } from '../bundle/kept-bundle.ts';
import type { LoadedConfig } from '../config/load.ts';
import { AegrailError, messageOf } from '../core/errors.ts';
import { cacheDirOf } from '../devserver/cache.ts';
import { predicatesOf } from './predicates.ts';
import type { Terminal } from './terminal.ts';

/**
 * The bundle of the session workflow, with the predicates of a contract file. Takes seconds the first time; one without
 * predicates is kept among the user's caches.
 *
 * @param config null where there is no contract file
 * @param encrypted whether the worker's payloads are: its failures leave their messages to the codec
 * @throws AegrailError CONFIG_INVALID for predicates that do not load, or do not go into a bundle
 */
export async function workflowBundle(
  config: LoadedConfig | null,
  encrypted: boolean,
  { env }: Terminal,
): Promise<{ readonly code: string }> {
  const logger = new DefaultLogger('ERROR');
  const named = config?.file.predicates;
  if (!config || named === undefined)
    return keptBundle(join(cacheDirOf(env, process.platform), 'bundles'), { encrypted, logger });
  const { source } = config;
  // The bundler's own words for a module that is not there are many.
  await predicatesOf(config);
  try {
    return await bundleWorkflows({ predicates: resolve(source.baseDir, named), encrypted, logger });
  } catch (thrown) {
    const why = `${source.at(['predicates'])}: predicates: ${named} can not be bundled with the workflow: ${messageOf(thrown)}`;
    throw new AegrailError('CONFIG_INVALID', why, { cause: thrown });
  }
}
