import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { LoadedConfig } from '../config/load.ts';
import { AegrailError, messageOf } from '../core/errors.ts';
import type { Predicates } from '../core/policy.ts';

/**
 * The predicates of a contract file, loaded as any module; a worker has them in its workflow bundle.
 *
 * @throws AegrailError CONFIG_INVALID when the module does not load, or lacks one that the contract names
 */
export async function predicatesOf(config: LoadedConfig): Promise<Predicates> {
  const { file, source } = config;
  if (file.predicates === undefined) return {};
  const at = `${source.at(['predicates'])}: predicates: ${file.predicates}`;
  let loaded: { readonly predicates?: Predicates };
  try {
    loaded = (await import(pathToFileURL(resolve(source.baseDir, file.predicates)).href)) as typeof loaded;
  } catch (thrown) {
    throw new AegrailError('CONFIG_INVALID', `${at} does not load: ${messageOf(thrown)}`, { cause: thrown });
  }
  const { predicates } = loaded;
  if (predicates === undefined)
    throw new AegrailError('CONFIG_INVALID', `${at} has no export predicates. Write: export const predicates = { … }`);
  const problems = missing(config, predicates);
  if (problems.length > 0) throw new AegrailError('CONFIG_INVALID', problems.join('\n'));
  return predicates;
}

function missing({ file, source }: LoadedConfig, predicates: Predicates): string[] {
  const problems: string[] = [];
  for (const [agent, { tools }] of Object.entries(file.agents)) {
    for (const [tool, { when }] of Object.entries(tools)) {
      if (typeof when !== 'object' || Object.hasOwn(predicates, when.predicate)) continue;
      const path = ['agents', agent, 'tools', tool, 'when'];
      const has = Object.keys(predicates).join(', ') || 'none';
      problems.push(
        `${source.at(path)}: ${path.join('.')}: there is no predicate ${when.predicate}; ${file.predicates} has ${has}`,
      );
    }
  }
  return problems;
}
