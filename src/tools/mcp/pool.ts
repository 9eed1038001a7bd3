import type { Logger } from 'pino';
import { AegrailError } from '../../core/errors.ts';
import type { ToolOutcome } from '../failure.ts';
import type { ToolDescription } from '../tool.ts';
import { callMcpTool, type McpCall } from './call.ts';
import { type ClientInfo, connectMcp } from './connection.ts';
import type { Environment } from '../../core/expand.ts';
import { connectFailure } from './failures.ts';
import type { Listing } from './listing.ts';
import { type McpServerConfig, resolveServer } from './server-config.ts';
import { createSlot, type Slot } from './slot.ts';

/** What a pool is made with. */
export interface McpPoolOptions {
  /** Servers' stderr and the connections' complaints go to it, at debug level. */
  readonly logger: Logger;
  /** The worker's environment: where `${NAME}` is looked up, and PATH and the like come from. */
  readonly env: Environment;
  /** The contract file's directory: servers are started in it. */
  readonly baseDir: string;
  readonly clientInfo: ClientInfo;
  /** How long a connect, and a listing, may take. 10 s when left out. */
  readonly connectTimeoutMs?: number;
}

/** The MCP servers of a worker. */
export interface McpPool {
  /** All tools of a server by name. @throws AegrailError CONFIG_INVALID naming the server, and the tool that is listed wrongly. */
  readonly describe: (server: string) => Promise<Record<string, ToolDescription>>;
  /** Calls a tool. Whatever the server does comes back as an outcome. @throws AegrailError CONFIG_INVALID for an unknown server. */
  readonly call: (call: McpCall) => Promise<ToolOutcome>;
  /** Ends all connections and processes. Calls in flight fail. */
  readonly close: () => Promise<void>;
}

const CONNECT_TIMEOUT_MS = 10_000;

/**
 * The MCP servers of a worker: one connection each, made when it is first needed, shared by concurrent calls, made again
 * after it ended.
 *
 * @throws AegrailError CONFIG_INVALID for a configuration that can not work, such as a `${NAME}` that is not set.
 */
export function createMcpPool(servers: Readonly<Record<string, McpServerConfig>>, options: McpPoolOptions): McpPool {
  const { logger, clientInfo, connectTimeoutMs = CONNECT_TIMEOUT_MS } = options;
  const slots = new Map<string, Slot>();
  for (const [name, config] of Object.entries(servers)) {
    const server = resolveServer(name, config, options.env, options.baseDir);
    slots.set(
      name,
      createSlot(() => connectMcp(server, { logger, clientInfo, connectTimeoutMs })),
    );
  }
  const slotOf = (name: string): Slot => {
    const slot = slots.get(name);
    if (slot !== undefined) return slot;
    const known = [...slots.keys()].join(', ') || 'no server';
    throw new AegrailError('CONFIG_INVALID', `there is no MCP server "${name}": mcpServers has ${known}`);
  };
  return {
    describe: async (server) => described(server, await listed(server, slotOf(server))),
    call: async (call) => callMcpTool(call, slotOf(call.server)),
    close: async () => {
      await Promise.all([...slots.values()].map((slot) => slot.close()));
    },
  };
}

async function listed(server: string, slot: Slot): Promise<Listing> {
  try {
    const lease = await slot.lease();
    try {
      return await lease.connection.tools();
    } finally {
      lease.release();
    }
  } catch (error) {
    throw new AegrailError('CONFIG_INVALID', connectFailure(server, error).failure.message, { cause: error });
  }
}

function described(server: string, listing: Listing): Record<string, ToolDescription> {
  return Object.fromEntries(
    [...listing].map(([name, tool]) => {
      if (tool.ok) return [name, tool.description];
      throw new AegrailError('CONFIG_INVALID', `MCP server "${server}", tool "${name}" ${tool.problem}`);
    }),
  );
}
