import type { Protocol } from '../core/contract.ts';
import type { Usage } from '../core/price.ts';
import { notACountIn } from '../core/usage.ts';
import { UsageReader } from './usage-reader.ts';

/** A provider's usage in our terms; that it sent none; or why what it sent can't be true. */
export type NormalisedUsage = { readonly usage: Usage } | { readonly missing: true } | { readonly impossible: string };

/**
 * Reads the usage of a response as it came over the wire: Chat Completions or Responses (`openai`,
 * `openai-compatible`), or Messages (`anthropic`). Unknown fields and null details are passed over. No count of input
 * or of output, or nothing counted at all, is missing usage: a call that was answered has used tokens.
 *
 * @param rawUsage the response body's `usage`
 * @param serviceTier the response body's own `service_tier`, where OpenAI says it (Anthropic says it inside usage)
 */
export function normaliseUsage(protocol: Protocol, rawUsage: unknown, serviceTier?: unknown): NormalisedUsage {
  if (rawUsage === undefined || rawUsage === null) return { missing: true };
  if (typeof rawUsage !== 'object' || Array.isArray(rawUsage)) return { impossible: 'usage is no object' };
  const reader = new UsageReader(rawUsage as Record<string, unknown>);
  const usage = protocol === 'anthropic' ? readAnthropic(reader) : readOpenAi(reader, protocol, serviceTier);
  if (reader.problem !== null) return { impossible: reader.problem };
  if (usage === null) return { missing: true };
  const counted = usage.inputTokens + usage.cacheReadTokens + usage.cacheWriteTokens + usage.cacheWrite1hTokens;
  const bad = notACountIn(usage);
  if (bad !== null) return { impossible: bad };
  if (counted + usage.outputTokens === 0) return { missing: true };
  if (usage.reasoningTokens > usage.outputTokens) {
    return {
      impossible: `${usage.reasoningTokens} reasoning tokens are more than the ${usage.outputTokens} output tokens that hold them`,
    };
  }
  return { usage };
}

/** Cached and cache-write tokens are inside the input count, reasoning is inside the output count. */
function readOpenAi(reader: UsageReader, protocol: Protocol, serviceTier: unknown): Usage | null {
  const chat = reader.count('prompt_tokens') !== null;
  const [inputName, outputName] = chat ? ['prompt_tokens', 'completion_tokens'] : ['input_tokens', 'output_tokens'];
  const input = reader.count(inputName);
  const counted = reader.count(outputName);
  const cacheRead = reader.count(`${inputName}_details`, 'cached_tokens') ?? 0;
  const cacheWrite = reader.count(`${inputName}_details`, 'cache_write_tokens') ?? 0;
  const reasoning = reader.count(`${outputName}_details`, 'reasoning_tokens') ?? 0;
  const total = reader.count('total_tokens') ?? 0;
  for (const name of [inputName, outputName]) {
    const audio = reader.count(`${name}_details`, 'audio_tokens') ?? 0;
    if (audio > 0) reader.refuse(`${audio} audio tokens were counted, and a text call has none`);
  }
  const modifiers = reader.modifiers(['service_tier']);
  if (input === null || counted === null) return null;
  if (cacheRead + cacheWrite > input) {
    reader.refuse(
      `${cacheRead} cached and ${cacheWrite} cache-write tokens are more than the ${input} input tokens that hold them`,
    );
  }
  // Gemini and Grok count reasoning beside the completion, behind their compatible endpoints: then the total tells.
  const output = protocol === 'openai-compatible' ? Math.max(counted, total - input) : counted;
  return {
    inputTokens: input - cacheRead - cacheWrite,
    cacheReadTokens: cacheRead,
    cacheWriteTokens: cacheWrite,
    cacheWrite1hTokens: 0,
    outputTokens: output,
    reasoningTokens: reasoning,
    webSearches: 0,
    modifiers: { ...modifiers, ...reader.modifier('service_tier', serviceTier) },
  };
}

/** Input, cache reads and cache writes are disjoint; the writes of an hour are inside the writes. */
function readAnthropic(reader: UsageReader): Usage | null {
  const input = reader.count('input_tokens');
  const output = reader.count('output_tokens');
  const write5m = reader.count('cache_creation', 'ephemeral_5m_input_tokens');
  const write1h = reader.count('cache_creation', 'ephemeral_1h_input_tokens');
  const split = (write5m ?? 0) + (write1h ?? 0);
  const writes = reader.count('cache_creation_input_tokens') ?? split;
  // A write of a third duration would have a rate that we do not know.
  if ((write5m !== null || write1h !== null) && split !== writes) {
    reader.refuse(
      `${writes} cache-write tokens are said to be ${write5m ?? 0} of 5 minutes and ${write1h ?? 0} of an hour`,
    );
  }
  const cacheRead = reader.count('cache_read_input_tokens') ?? 0;
  const reasoning = reader.count('output_tokens_details', 'thinking_tokens') ?? 0;
  const webSearches = reader.count('server_tool_use', 'web_search_requests') ?? 0;
  const modifiers = reader.modifiers(['service_tier', 'speed', 'inference_geo']);
  if (input === null || output === null) return null;
  return {
    inputTokens: input,
    cacheReadTokens: cacheRead,
    cacheWriteTokens: writes - (write1h ?? 0),
    cacheWrite1hTokens: write1h ?? 0,
    outputTokens: output,
    reasoningTokens: reasoning,
    webSearches,
    modifiers,
  };
}
