import { extractUsage, findProvider } from '@pydantic/genai-prices';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Protocol } from '../../src/core/contract.ts';
import type { Usage } from '../../src/core/price.ts';
import { checkUsage, inputTokensOf, totalTokens } from '../../src/core/usage.ts';
import { normaliseUsage } from '../../src/pricing/normalise-usage.ts';
import { NO_USAGE } from '../core/cost-fixtures.ts';

const CHAT = {
  prompt_tokens: 1_000,
  completion_tokens: 300,
  total_tokens: 1_300,
  prompt_tokens_details: { cached_tokens: 600, cache_write_tokens: 100, audio_tokens: 0 },
  completion_tokens_details: { reasoning_tokens: 200, audio_tokens: 0, accepted_prediction_tokens: 0 },
  queue_time: 0.02,
};
const RESPONSES = {
  input_tokens: 1_000,
  input_tokens_details: { cached_tokens: 600, cache_write_tokens: 100 },
  output_tokens: 300,
  output_tokens_details: { reasoning_tokens: 200 },
  total_tokens: 1_300,
};
const OPENAI_COUNTED = {
  inputTokens: 300,
  cacheReadTokens: 600,
  cacheWriteTokens: 100,
  outputTokens: 300,
  reasoningTokens: 200,
};
const MESSAGES = {
  input_tokens: 50,
  cache_creation_input_tokens: 450,
  cache_read_input_tokens: 2_000,
  cache_creation: { ephemeral_5m_input_tokens: 400, ephemeral_1h_input_tokens: 50 },
  output_tokens: 90,
  output_tokens_details: { thinking_tokens: 30 },
  server_tool_use: { web_search_requests: 2, web_fetch_requests: 1 },
  service_tier: 'standard',
  speed: 'standard',
  inference_geo: 'global',
  something_new: { deep: [1.5] },
};

describe('normaliseUsage', () => {
  it.each<[string, Protocol, unknown, Partial<Usage>]>([
    ['Chat Completions: cache is inside the prompt', 'openai', CHAT, OPENAI_COUNTED],
    ['Responses', 'openai', RESPONSES, OPENAI_COUNTED],
    [
      'Messages: disjoint, an hour inside the writes',
      'anthropic',
      MESSAGES,
      {
        inputTokens: 50,
        cacheReadTokens: 2_000,
        cacheWriteTokens: 400,
        cacheWrite1hTokens: 50,
        outputTokens: 90,
        reasoningTokens: 30,
        webSearches: 2,
        modifiers: { service_tier: 'standard', speed: 'standard', inference_geo: 'global' },
      },
    ],
    [
      'null details',
      'openai',
      { prompt_tokens: 9, completion_tokens: 1, prompt_tokens_details: null, completion_tokens_details: null },
      { inputTokens: 9, outputTokens: 1 },
    ],
    [
      'null caches, tools and tiers',
      'anthropic',
      {
        input_tokens: 9,
        output_tokens: 1,
        cache_creation_input_tokens: null,
        cache_read_input_tokens: null,
        cache_creation: null,
        server_tool_use: null,
        service_tier: null,
        speed: null,
      },
      { inputTokens: 9, outputTokens: 1 },
    ],
    [
      'writes without their split are of 5 minutes',
      'anthropic',
      { input_tokens: 1, output_tokens: 1, cache_creation_input_tokens: 7 },
      { inputTokens: 1, outputTokens: 1, cacheWriteTokens: 7 },
    ],
    [
      'reasoning beside the completion, told by the total',
      'openai-compatible',
      {
        prompt_tokens: 10,
        completion_tokens: 5,
        total_tokens: 115,
        completion_tokens_details: { reasoning_tokens: 100 },
      },
      { inputTokens: 10, outputTokens: 105, reasoningTokens: 100 },
    ],
    [
      'a total of nonsense that is below the sum',
      'openai-compatible',
      { prompt_tokens: 10, completion_tokens: 5, total_tokens: 3 },
      { inputTokens: 10, outputTokens: 5 },
    ],
    ['an empty answer', 'openai', { prompt_tokens: 10, completion_tokens: 0 }, { inputTokens: 10 }],
  ])('%s', (_, protocol, raw, counted) => {
    expect(normaliseUsage(protocol, raw)).toEqual({ usage: { ...NO_USAGE, ...counted } });
  });

  it('takes the tier of service from the response beside its usage', () => {
    expect(normaliseUsage('openai', CHAT, 'flex')).toMatchObject({ usage: { modifiers: { service_tier: 'flex' } } });
    expect(normaliseUsage('openai', CHAT, null)).toMatchObject({ usage: { modifiers: {} } });
    expect(normaliseUsage('openai', CHAT, 7)).toEqual({ impossible: expect.stringMatching(/service_tier/) });
  });

  it.each<[Protocol, unknown]>([
    ['openai', undefined],
    ['openai', null],
    ['openai', {}],
    ['openai', { prompt_tokens: 5 }],
    ['openai', { prompt_tokens: 5, completion_tokens: null }],
    ['openai-compatible', { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 }],
    ['anthropic', { output_tokens: 5 }],
    ['anthropic', CHAT],
  ])('%s: %j is missing', (protocol, raw) => {
    expect(normaliseUsage(protocol, raw)).toEqual({ missing: true });
  });

  it.each<[Protocol, unknown, RegExp]>([
    ['openai', 'many', /no object/],
    ['openai', [1], /no object/],
    ['openai', { ...CHAT, prompt_tokens: -1 }, /prompt_tokens is no count/],
    ['openai', { ...CHAT, completion_tokens: 1.5 }, /completion_tokens is no count/],
    ['openai', { ...CHAT, completion_tokens: '300' }, /completion_tokens is no count/],
    ['openai', { ...CHAT, completion_tokens: Number.NaN }, /completion_tokens is no count/],
    ['openai', { ...RESPONSES, output_tokens: 2 ** 53 }, /output_tokens is no count/],
    ['openai', { ...CHAT, prompt_tokens_details: 'x' }, /prompt_tokens_details is no object/],
    ['openai', { ...CHAT, prompt_tokens_details: { cached_tokens: -3 } }, /prompt_tokens_details\.cached_tokens/],
    ['openai', { ...CHAT, prompt_tokens: 699 }, /600 cached and 100 cache-write.*699 input/],
    ['openai', { ...CHAT, completion_tokens: 199 }, /200 reasoning.*199 output/],
    ['openai', { ...CHAT, completion_tokens_details: { audio_tokens: 4 } }, /4 audio tokens/],
    [
      'anthropic',
      { ...MESSAGES, cache_creation: { ephemeral_5m_input_tokens: 400 } },
      /450 cache-write.*400 of 5 minutes and 0 of an hour/,
    ],
    ['anthropic', { ...MESSAGES, cache_creation: { ephemeral_1h_input_tokens: 451 } }, /451 of an hour/],
    ['anthropic', { ...MESSAGES, output_tokens: 29 }, /30 reasoning/],
    ['anthropic', { ...MESSAGES, service_tier: 3 }, /service_tier is no short text/],
    ['anthropic', { ...MESSAGES, server_tool_use: { web_search_requests: '1' } }, /web_search_requests/],
  ])('%s: %j is impossible', (protocol, raw, reason) => {
    expect(normaliseUsage(protocol, raw)).toEqual({ impossible: expect.stringMatching(reason) });
  });

  it('does not read what is inherited', () => {
    expect(normaliseUsage('openai', Object.create(CHAT))).toEqual({ missing: true });
  });

  it('says one of the three of anything, and a usage that it gives passes the check', () => {
    const key = fc.constantFrom(...Object.keys(CHAT), ...Object.keys(RESPONSES), ...Object.keys(MESSAGES));
    const value = fc.oneof(fc.nat(5), fc.jsonValue({ maxDepth: 2 }), fc.constant(CHAT.prompt_tokens_details));
    const protocol = fc.constantFrom<Protocol>('openai', 'anthropic', 'openai-compatible');
    fc.assert(
      fc.property(protocol, fc.oneof(fc.anything(), fc.dictionary(key, value)), (wire, raw) => {
        const result = normaliseUsage(wire, raw);
        expect(Object.keys(result)).toHaveLength(1);
        if (!('usage' in result)) return;
        const bound = { inputTokens: inputTokensOf(result.usage), outputTokens: result.usage.outputTokens };
        expect(checkUsage({ ...result.usage, webSearches: 0 }, bound)).toBe('ok');
        expect(totalTokens(result.usage)).toBeGreaterThan(0);
      }),
      { numRuns: 1_000 },
    );
  });

  it.each<[Protocol, string, string, unknown]>([
    ['openai', 'openai', 'chat', CHAT],
    ['openai', 'openai', 'responses', RESPONSES],
    ['anthropic', 'anthropic', 'default', MESSAGES],
  ])('%s: counts as the library does (%s %s)', (protocol, provider, flavor, raw) => {
    const listed = findProvider({ providerId: provider });
    const result = normaliseUsage(protocol, raw);
    if (listed === undefined || !('usage' in result)) throw new Error('nothing to compare');
    const { usage } = result;
    expect(extractUsage(listed, { model: 'm', usage: raw }, flavor).usage).toMatchObject({
      input_tokens: inputTokensOf(usage),
      output_tokens: usage.outputTokens,
      cache_read_tokens: usage.cacheReadTokens,
      cache_write_tokens: usage.cacheWriteTokens + usage.cacheWrite1hTokens,
      output_reasoning_tokens: usage.reasoningTokens,
    });
  });
});
