import { providersFrom, secretsFrom } from '../config/environment.ts';
import type { LoadedConfig } from '../config/load.ts';
import { resolveContracts } from '../config/resolve.ts';
import type { PinnedContract } from '../core/contract.ts';
import { AegrailError } from '../core/errors.ts';
import { AEGRAIL_VERSION } from '../protocol.ts';
import { createToolbox } from '../tools/toolbox.ts';
import type { McpPool } from '../tools/mcp.ts';
import { stderrLogger } from './logger.ts';
import type { Terminal } from './terminal.ts';

/** The contracts of a contract file, complete with what modules and MCP servers say of their tools. Starts and ends those. */
export async function contractsOf(config: LoadedConfig, terminal: Terminal): Promise<PinnedContract[]> {
  const { file, source } = config;
  const { env } = terminal;
  const pool = await poolOf(config, terminal);
  const toolbox = createToolbox(source.baseDir, pool, secretsFrom(env));
  try {
    return await resolveContracts(config, { toolbox, providers: providersFrom(env, file.providers), at: new Date() });
  } finally {
    await toolbox.close();
  }
}

/** An agent's contract, and those of the agents that it may call. */
export interface AgentContracts {
  readonly own: PinnedContract;
  readonly called: readonly PinnedContract[];
}

/** The contracts of a contract file that was narrowed to an agent. */
export async function agentContracts(
  narrowed: LoadedConfig,
  agent: string,
  terminal: Terminal,
): Promise<AgentContracts> {
  const all = await contractsOf(narrowed, terminal);
  const own = all.find(({ contract }) => contract.agent === agent);
  if (own) return { own, called: all.filter((pinned) => pinned !== own) };
  throw new AegrailError('CONFIG_INVALID', `${narrowed.source.file} has no contract of ${agent}.`);
}

/** Without MCP servers their client, which takes a while to load, is not needed. */
async function poolOf({ file, source }: LoadedConfig, { env }: Terminal): Promise<McpPool> {
  if (Object.keys(file.mcpServers).length === 0) return NO_SERVERS;
  const { createMcpPool } = await import('../tools/mcp.ts');
  const clientInfo = { name: 'aegrail', version: AEGRAIL_VERSION };
  return createMcpPool(file.mcpServers, { logger: stderrLogger('warn'), env, baseDir: source.baseDir, clientInfo });
}

const none = (): never => {
  throw new AegrailError('CONFIG_INVALID', 'there is no MCP server');
};

const NO_SERVERS: McpPool = { describe: none, call: none, close: () => Promise.resolve() };
