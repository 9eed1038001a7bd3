import type { LoadedConfig } from '../config/load.ts';
import { AegrailError } from '../core/errors.ts';

/**
 * A contract file with one agent alone, and those that it may call: of the others nothing is started to complete them.
 *
 * @throws AegrailError AGENT_UNKNOWN
 */
export function narrowedTo({ file, source }: LoadedConfig, agent: string): LoadedConfig {
  const agents: Record<string, (typeof file.agents)[string]> = {};
  const take = (name: string): void => {
    const found = Object.hasOwn(file.agents, name) ? file.agents[name] : undefined;
    // One that is not there is said of who calls it, when contracts are completed.
    if (!found || Object.hasOwn(agents, name)) return;
    agents[name] = found;
    for (const [tool, called] of Object.entries(found.agents)) take(called.agent ?? tool);
  };
  take(agent);
  if (Object.hasOwn(agents, agent)) return { source, file: { ...file, agents } };
  const known = Object.keys(file.agents).join(', ');
  throw new AegrailError(
    'AGENT_UNKNOWN',
    `${source.file} has no agent ${agent}, which the session is of. It has: ${known}.`,
  );
}
