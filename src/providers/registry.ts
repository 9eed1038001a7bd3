import { createAnthropic } from '@ai-sdk/anthropic';
import { createOpenAI } from '@ai-sdk/openai';
import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import type { LanguageModelV4 } from '@ai-sdk/provider';
import type { ModelContract, Protocol } from '../core/contract.ts';
import { AegrailError } from '../core/errors.ts';
import { limitedFetch } from './limited-fetch.ts';

/** How a provider is reached. Keys stay in the worker: a contract names the provider and nothing else. */
export interface ProviderSettings {
  readonly protocol: Protocol;
  readonly baseUrl: string;
  readonly apiKey: string | null;
  /** Name of the variable that holds the key, for messages. */
  readonly apiKeyEnv: string;
}

/** Providers by the name that contracts use. */
export type Providers = Readonly<Record<string, ProviderSettings>>;

/**
 * The model of a contract, ready to be called.
 *
 * @throws AegrailError CONFIG_INVALID when the provider is not configured, or has no key and needs one
 */
export function languageModel(providers: Providers, model: ModelContract): LanguageModelV4 {
  const settings = Object.hasOwn(providers, model.provider) ? providers[model.provider] : undefined;
  if (!settings) {
    const known = Object.keys(providers).join(', ');
    throw new AegrailError('CONFIG_INVALID', `This worker has no provider ${model.provider}; it has ${known}.`);
  }
  const { protocol, baseUrl: baseURL, apiKey, apiKeyEnv } = settings;
  if (protocol === 'openai-compatible') {
    return createOpenAICompatible({
      name: model.provider,
      baseURL,
      fetch: limitedFetch,
      ...(apiKey ? { apiKey } : {}),
    })(model.name);
  }
  if (!apiKey) {
    throw new AegrailError(
      'CONFIG_INVALID',
      `The provider ${model.provider} has no key: set ${apiKeyEnv} for the worker.`,
    );
  }
  if (protocol === 'anthropic') return createAnthropic({ baseURL, apiKey, fetch: limitedFetch })(model.name);
  return createOpenAI({ baseURL, apiKey, fetch: limitedFetch }).chat(model.name);
}
