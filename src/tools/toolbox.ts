import type { CodeSource, ToolContract } from '../core/contract.ts';
import { AegrailError, messageOf } from '../core/errors.ts';
import { callModuleTool } from './call-module.ts';
import { failed, type ToolOutcome } from './failure.ts';
import type { McpPool } from './mcp.ts';
import { loadModuleTool } from './module.ts';
import type { ToolContext, ToolDescription } from './tool.ts';

/** What a call is run with, whatever the tool is made of. */
export interface RunContext extends Omit<ToolContext, 'secrets'> {
  /** A result is cut at this many bytes. */
  readonly maxBytes: number;
}

/** All tools of a worker: modules and MCP servers behind one door. */
export interface Toolbox {
  /** What is known of a tool before it is called. @throws AegrailError CONFIG_INVALID when it is not there */
  describe(source: CodeSource): Promise<ToolDescription>;
  /** Runs a tool. What goes wrong in it is an outcome, never thrown. */
  run(tool: ToolContract, args: unknown, context: RunContext): Promise<ToolOutcome>;
  close(): Promise<void>;
}

/**
 * @param secrets looks a secret's value up by its name; undefined when the worker has none of that name
 */
export function createToolbox(baseDir: string, mcp: McpPool, secrets: (name: string) => string | undefined): Toolbox {
  return {
    async describe(source) {
      if (source.kind === 'module') return loadModuleTool(source, baseDir);
      const tools = await mcp.describe(source.server);
      const found = Object.hasOwn(tools, source.tool) ? tools[source.tool] : undefined;
      if (found) return found;
      const has = Object.keys(tools).join(', ') || 'none';
      throw new AegrailError(
        'CONFIG_INVALID',
        `MCP server "${source.server}" has no tool "${source.tool}"; it has ${has}`,
      );
    },
    async run({ source, inputSchema, ...tool }, args, { maxBytes, ...context }) {
      if (source.kind === 'agent') return failed('unknown_tool', 'no', false, 'an agent runs in a session of its own');
      if (source.kind === 'mcp') {
        const timeoutMs = Math.max(1, context.deadlineMs - Date.now());
        const { server, tool: name } = source;
        return mcp.call({
          server,
          tool: name,
          args,
          signal: context.signal,
          timeoutMs,
          expectedSchema: inputSchema,
          maxBytes,
        });
      }
      const granted: Record<string, string> = {};
      for (const name of tool.secrets) {
        const value = secrets(name);
        if (value === undefined) return failed('connect_failed', 'no', false, `this worker has no secret ${name}`);
        granted[name] = value;
      }
      try {
        return await callModuleTool(await loadModuleTool(source, baseDir), args, { ...context, secrets: granted });
      } catch (thrown) {
        return failed('unknown_tool', 'no', false, messageOf(thrown));
      }
    },
    close: () => mcp.close(),
  };
}
