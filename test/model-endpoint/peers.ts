import { createAnthropic } from '@ai-sdk/anthropic';
import { createOpenAI } from '@ai-sdk/openai';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { APICallError, type LanguageModelV4, type LanguageModelV4CallOptions } from '@ai-sdk/provider';
import { onTestFinished } from 'vitest';
import { startModelEndpoint, type ModelEndpoint, type ModelEndpointOptions } from '../../src/model-endpoint/index.ts';

/** The AI SDK's own clients: if they understand the endpoint, the wire is right. */
export const PEERS = ['openai', 'openai-compatible', 'anthropic'] as const;
export type Peer = (typeof PEERS)[number];

export type Prompt = LanguageModelV4CallOptions['prompt'];

export const HELLO: Prompt = [
  { role: 'system', content: 'You help customers of a shop.' },
  { role: 'user', content: [{ type: 'text', text: 'Where is my order?' }] },
];

export const LOOKUP: NonNullable<LanguageModelV4CallOptions['tools']>[number] = {
  type: 'function',
  name: 'lookup_order',
  description: 'Looks up an order',
  inputSchema: { type: 'object', properties: { order: { type: 'string' } } },
};

/** Starts an endpoint that is stopped when the test ends. */
export async function endpointFor(
  script: ModelEndpointOptions['script'],
  options: Omit<ModelEndpointOptions, 'script'> = {},
): Promise<ModelEndpoint> {
  const endpoint = await startModelEndpoint({ script, ...options });
  onTestFinished(() => endpoint.stop());
  return endpoint;
}

export function clientOf(peer: Peer, endpoint: ModelEndpoint): LanguageModelV4 {
  const apiKey = 'test-key';
  switch (peer) {
    case 'openai':
      return createOpenAI({ baseURL: endpoint.openaiBaseUrl, apiKey }).chat('gpt-5.4-mini');
    case 'openai-compatible':
      return createOpenAICompatible({ name: 'local', baseURL: endpoint.openaiBaseUrl, apiKey })('qwen3');
    case 'anthropic':
      return createAnthropic({ baseURL: endpoint.anthropicBaseUrl, apiKey })('claude-sonnet-4-5');
  }
}

/** What a call was refused with. */
export async function apiErrorOf(call: PromiseLike<unknown>): Promise<APICallError> {
  const error = await Promise.resolve(call).then(
    () => new Error('the call went through'),
    (reason: unknown) => reason,
  );
  if (APICallError.isInstance(error)) return error;
  throw error;
}

/** The prompt after a turn in which the model made these calls and they were answered. */
export function afterCalls(prompt: Prompt, calls: ReadonlyMap<string, string>): Prompt {
  const ids = [...calls];
  return [
    ...prompt,
    {
      role: 'assistant',
      content: ids.map(([toolCallId]) => ({
        type: 'tool-call',
        toolCallId,
        toolName: 'lookup_order',
        input: { order: '7' },
      })),
    },
    {
      role: 'tool',
      content: ids.map(([toolCallId, value]) => ({
        type: 'tool-result',
        toolCallId,
        toolName: 'lookup_order',
        output: { type: 'text', value },
      })),
    },
  ];
}
