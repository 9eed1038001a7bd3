import type { WireUsage } from '../core/record-parts.ts';
import type { ChainedRecord, Events } from '../core/record.ts';
import { isKnown } from './known.ts';

/*
 * Names of OpenTelemetry's semantic conventions for generative AI, v0.1.0 (semantic-conventions-genai). All of them are
 * still in development: they change in this file alone.
 */

type Attributes = Readonly<Record<string, unknown>>;

/** An operation that is over, as a record tells of it. */
export interface Operation {
  /** The span's name: `chat gpt-5-mini`. */
  readonly name: string;
  /** OTLP's number: 1 internal, 3 client. */
  readonly kind: 1 | 3;
  readonly attributes: Attributes;
  readonly elapsedMs: number;
  /** A short stable word for what went wrong, or null. */
  readonly error: string | null;
}

const INTERNAL = 1;
const CLIENT = 3;

/**
 * The operation that a record is the end of: a session, a call of a model or of a tool; and a tool call that was denied,
 * which took no time. Null for every other record.
 */
export function operationOf(record: ChainedRecord): Operation | null {
  if (!isKnown(record)) return null;
  switch (record.event) {
    case 'llm_call': {
      const { outcome, error, elapsed_ms } = record.payload;
      const { model } = providerAndModel(record.payload.model);
      return operation(`chat ${model}`, CLIENT, record, elapsed_ms, whyNotOk(outcome, error));
    }
    case 'tool_call': {
      const { tool, outcome, error, elapsed_ms } = record.payload;
      return operation(`execute_tool ${tool}`, INTERNAL, record, elapsed_ms, whyNotOk(outcome, error));
    }
    case 'tool_denied':
      return operation(`execute_tool ${record.payload.tool}`, INTERNAL, record, 0, record.payload.reason);
    case 'session_ended': {
      const { outcome, reason } = record.payload;
      return invocation(record, outcome === 'answered' ? null : (reason ?? outcome));
    }
    case 'session_terminated':
      return invocation(record, record.payload.status);
    default:
      return null;
  }
}

/** What the conventions have a name for in a record. */
export function genAiAttributes(record: ChainedRecord): Attributes {
  const conversation = { 'gen_ai.conversation.id': record.session_id };
  return isKnown(record) ? { ...conversation, ...agentAttributes(record), ...eventAttributes(record) } : conversation;
}

function agentAttributes(record: ChainedRecord): Attributes {
  const { agent, version } = agentOf(record);
  return { 'gen_ai.agent.name': agent, 'gen_ai.agent.version': version };
}

function eventAttributes(record: ChainedRecord): Attributes {
  switch (record.event) {
    case 'llm_admitted':
      return { ...chat(record.payload.model), 'gen_ai.request.max_tokens': record.payload.max_output_tokens };
    case 'llm_call':
      return { ...chat(record.payload.model), ...answer(record.payload) };
    case 'tool_admitted':
    case 'tool_call':
    case 'tool_denied':
      return executeTool(record.payload.tool, record.payload.call_id);
    case 'session_ended':
    case 'session_terminated':
      return { 'gen_ai.operation.name': 'invoke_agent', 'user.id': record.invoking_user };
    default:
      return {};
  }
}

function chat(providerModel: string): Attributes {
  const { provider, model } = providerAndModel(providerModel);
  return { 'gen_ai.operation.name': 'chat', 'gen_ai.provider.name': provider, 'gen_ai.request.model': model };
}

function answer({ finish_reason, usage }: Events['llm_call']): Attributes {
  return {
    'gen_ai.response.finish_reasons': finish_reason === undefined ? undefined : [finish_reason],
    ...(usage === null ? {} : usageAttributes(usage)),
  };
}

/** The conventions count what was read from and written to a cache inside the input; a record counts it beside it. */
function usageAttributes(usage: WireUsage): Attributes {
  const cacheWritten = usage.cache_write_tokens + usage.cache_write_1h_tokens;
  return {
    'gen_ai.usage.input_tokens': usage.input_tokens + usage.cache_read_tokens + cacheWritten,
    'gen_ai.usage.cache_read.input_tokens': usage.cache_read_tokens,
    'gen_ai.usage.cache_write.input_tokens': cacheWritten,
    'gen_ai.usage.output_tokens': usage.output_tokens,
    'gen_ai.usage.reasoning.output_tokens': usage.reasoning_tokens,
  };
}

function executeTool(tool: string, callId: string): Attributes {
  return {
    'gen_ai.operation.name': 'execute_tool',
    'gen_ai.tool.name': tool,
    'gen_ai.tool.type': 'function',
    'gen_ai.tool.call.id': callId,
  };
}

function invocation(record: ChainedRecord, error: string | null): Operation {
  const elapsedMs = Math.round(record.budget.wall_elapsed * 1000);
  return operation(`invoke_agent ${agentOf(record).agent}`, INTERNAL, record, elapsedMs, error);
}

function operation(
  name: string,
  kind: Operation['kind'],
  record: ChainedRecord,
  elapsedMs: number,
  error: string | null,
): Operation {
  const failed = error === null ? {} : { 'error.type': error };
  return { name, kind, attributes: { ...genAiAttributes(record), ...failed }, elapsedMs, error };
}

function whyNotOk(outcome: string, error: { readonly code: string } | undefined): string | null {
  return outcome === 'ok' ? null : (error?.code ?? outcome);
}

/** `support-bot/v1` in its parts. */
function agentOf({ agent_identity }: ChainedRecord): { readonly agent: string; readonly version: string | undefined } {
  const at = agent_identity.indexOf('/');
  return at < 0
    ? { agent: agent_identity, version: undefined }
    : { agent: agent_identity.slice(0, at), version: agent_identity.slice(at + 1) };
}

/** `openai/gpt-5-mini` in its parts. A model's name may hold a slash, a provider's may not. */
function providerAndModel(text: string): { readonly provider: string | undefined; readonly model: string } {
  const at = text.indexOf('/');
  return at < 0 ? { provider: undefined, model: text } : { provider: text.slice(0, at), model: text.slice(at + 1) };
}
