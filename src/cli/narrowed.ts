import type { LoadedConfig } from '../config/load.ts';
import { AegrailError } from '../core/errors.ts';

/**
 * A contract file with one agent alone: of the others nothing is started to complete them.
 *
 * @throws AegrailError AGENT_UNKNOWN
 */
export function narrowedTo({ file, source }: LoadedConfig, agent: string): LoadedConfig {
  const found = Object.hasOwn(file.agents, agent) ? file.agents[agent] : undefined;
  if (found) return { source, file: { ...file, agents: { [agent]: found } } };
  const known = Object.keys(file.agents).join(', ');
  throw new AegrailError(
    'AGENT_UNKNOWN',
    `${source.file} has no agent ${agent}, which the session is of. It has: ${known}.`,
  );
}
