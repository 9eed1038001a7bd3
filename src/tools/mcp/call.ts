import { canonicalJson } from '../../core/canonical.ts';
import { failed, type ToolOutcome } from '../failure.ts';
import type { McpConnection } from './connection.ts';
import { toolResultOf } from './content.ts';
import { callFailure, connectFailure, endsConnection, isForgottenSession } from './failures.ts';
import type { ListedTool } from './listing.ts';
import type { Slot } from './slot.ts';
import { MAX_TIMER_MS, type Within, within } from './within.ts';

/** One call of an MCP tool. */
export interface McpCall {
  readonly server: string;
  readonly tool: string;
  /** The arguments: an object of JSON, checked before. */
  readonly args: unknown;
  /** When it aborts, the server is told (`notifications/cancelled`, or the end of the request's stream). */
  readonly signal: AbortSignal;
  /** For all of it, a connect included. */
  readonly timeoutMs: number;
  /** The input schema that the contract was pinned with: the tool runs only while it has the same. */
  readonly expectedSchema?: { readonly [key: string]: unknown } | undefined;
  /** The result's text is cut at this many bytes. */
  readonly maxBytes: number;
}

/** A call with the moment that it must be done by, on the clock of `performance.now()`. */
interface TimedCall extends McpCall {
  readonly endMs: number;
}

/** Calls a tool over the slot's connection. Never throws. */
export async function callMcpTool(call: McpCall, slot: Slot): Promise<ToolOutcome> {
  const timed: TimedCall = { ...call, endMs: performance.now() + call.timeoutMs };
  const first = await attempt(timed, slot);
  // Once more, and no oftener: a server that forgets every session would be asked for ever.
  const last = first === 'session_forgotten' ? await attempt(timed, slot) : first;
  if (last !== 'session_forgotten') return last;
  return failed(
    'server_refused',
    'no',
    true,
    `MCP server "${call.server}" does not know the session that it just gave (HTTP 404)`,
  );
}

async function attempt(call: TimedCall, slot: Slot): Promise<ToolOutcome | 'session_forgotten'> {
  const leasing = slot.lease();
  const leased = await within(leasing, call.signal, leftMs(call));
  if (leased.kind !== 'value') {
    // The connect goes on for others; this caller's share of it is given back when it comes.
    leasing.then(
      (lease) => lease.release(),
      () => undefined,
    );
    return notStarted(call, leased);
  }
  const lease = leased.value;
  try {
    const outcome = await onConnection(call, lease.connection);
    if (outcome === 'session_forgotten' || (!outcome.ok && endsConnection(outcome.failure))) lease.discard();
    return outcome;
  } finally {
    lease.release();
  }
}

async function onConnection(call: TimedCall, connection: McpConnection): Promise<ToolOutcome | 'session_forgotten'> {
  const listed = await within(connection.tools(), call.signal, leftMs(call));
  if (listed.kind === 'error' && isForgottenSession(listed.error) && connection.hasSession())
    return 'session_forgotten';
  if (listed.kind !== 'value') return notStarted(call, listed);
  const tool = listed.value.get(call.tool);
  if (tool === undefined) {
    return failed('unknown_tool', 'no', false, `MCP server "${call.server}" has no tool "${call.tool}"`);
  }
  if (!tool.ok)
    return failed('protocol', 'no', false, `MCP server "${call.server}", tool "${call.tool}" ${tool.problem}`);
  return drift(call, tool) ?? run(call, connection, tool);
}

type GoodTool = ListedTool & { readonly ok: true };

function drift(call: McpCall, tool: GoodTool): ToolOutcome | null {
  if (call.expectedSchema === undefined || canonicalJson(call.expectedSchema) === tool.pin) return null;
  const why = `MCP server "${call.server}" has changed what the tool "${call.tool}" takes since the contract was pinned`;
  return failed('contract_drift', 'no', false, `${why}: a session that is started now is pinned to the new schema`);
}

async function run(
  call: TimedCall,
  connection: McpConnection,
  tool: GoodTool,
): Promise<ToolOutcome | 'session_forgotten'> {
  const { args, signal, server } = call;
  if (typeof args !== 'object' || args === null || Array.isArray(args)) {
    return failed('invalid_arguments', 'no', false, 'the arguments of an MCP tool must be an object');
  }
  const timeout = Math.min(leftMs(call), MAX_TIMER_MS);
  if (timeout <= 0) return notStarted(call, { kind: 'timeout' });
  try {
    const params = { name: call.tool, arguments: args as Record<string, unknown> };
    const result = await connection.client.callTool(params, { signal, timeout, toolDefinition: tool.definition });
    return { ok: true, result: toolResultOf(result, call.maxBytes) };
  } catch (error) {
    // The SDK reports an abort as a timeout.
    if (signal.aborted) return failed('cancelled', 'maybe', false, `the call of MCP server "${server}" was cancelled`);
    if (isForgottenSession(error) && connection.hasSession()) return 'session_forgotten';
    return callFailure(server, error, connection.lastError());
  }
}

function notStarted(call: McpCall, outcome: Exclude<Within<unknown>, { readonly kind: 'value' }>): ToolOutcome {
  if (outcome.kind === 'error') return connectFailure(call.server, outcome.error);
  if (outcome.kind === 'cancelled') return failed('cancelled', 'no', false, 'the call was cancelled before it began');
  return failed('timeout', 'no', true, `the time was over before MCP server "${call.server}" was ready`);
}

function leftMs(call: TimedCall): number {
  return call.endMs - performance.now();
}
