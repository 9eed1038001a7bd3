export type { McpCall } from './mcp/call.ts';
export type { ClientInfo } from './mcp/connection.ts';
export { createMcpPool, type McpPool, type McpPoolOptions } from './mcp/pool.ts';
export type { HttpServerConfig, McpServerConfig, StdioServerConfig } from './mcp/server-config.ts';
