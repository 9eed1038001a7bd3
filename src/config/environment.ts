import { AegrailError } from '../core/errors.ts';
import type { ContractFile } from './schema.ts';
import type { Providers, ProviderSettings } from '../providers/registry.ts';

/** A process's environment. This room is the only one that reads it. */
export type Env = Readonly<Record<string, string | undefined>>;

/** Secrets for tools are in variables of this prefix: the secret `crm` is AEGRAIL_SECRET_crm. */
const SECRET_PREFIX = 'AEGRAIL_SECRET_';

/**
 * Providers and their keys: `openai` and `anthropic` by themselves, those of the contract file beside them. With
 * OPENAI_BASE_URL set, `openai` is whatever speaks its wire there: Ollama, llama.cpp, vLLM.
 */
export function providersFrom(env: Env, configured: ContractFile['providers']): Providers {
  const known: Record<string, ProviderSettings> = {
    openai: openAi(env),
    anthropic: {
      protocol: 'anthropic',
      baseUrl: env['ANTHROPIC_BASE_URL'] || 'https://api.anthropic.com/v1',
      apiKey: env['ANTHROPIC_API_KEY'] || null,
      apiKeyEnv: 'ANTHROPIC_API_KEY',
    },
  };
  for (const [name, { protocol, baseUrl, apiKeyEnv }] of Object.entries(configured)) {
    const apiKey = (apiKeyEnv && env[apiKeyEnv]) || null;
    known[name] = {
      protocol,
      baseUrl,
      apiKey,
      apiKeyEnv: apiKeyEnv ?? `the variable that providers.${name}.apiKeyEnv names`,
    };
  }
  return known;
}

function openAi(env: Env): ProviderSettings {
  const baseUrl = env['OPENAI_BASE_URL'];
  const apiKeyEnv = 'OPENAI_API_KEY';
  const apiKey = env[apiKeyEnv] || null;
  if (!baseUrl) return { protocol: 'openai', baseUrl: 'https://api.openai.com/v1', apiKey, apiKeyEnv };
  return { protocol: 'openai-compatible', baseUrl, apiKey, apiKeyEnv };
}

/** Looks up the secrets that contracts grant to tools. */
export function secretsFrom(env: Env): (name: string) => string | undefined {
  return (name) => env[`${SECRET_PREFIX}${name}`];
}

/** Which build of which deployment a worker is, in Temporal's words. */
export interface DeploymentVersion {
  readonly deploymentName: string;
  readonly buildId: string;
}

/**
 * What Temporal's Worker Controller tells the workers that it starts. Null: this worker has no version, and takes whatever
 * sessions there are.
 *
 * @throws AegrailError CONFIG_INVALID when only one of the two variables is set
 */
export function deploymentFrom(env: Env): DeploymentVersion | null {
  const [deploymentName, buildId] = [env['TEMPORAL_DEPLOYMENT_NAME'], env['TEMPORAL_WORKER_BUILD_ID']];
  if (deploymentName && buildId) return { deploymentName, buildId };
  if (!deploymentName && !buildId) return null;
  const [set, missing] = deploymentName
    ? ['TEMPORAL_DEPLOYMENT_NAME', 'TEMPORAL_WORKER_BUILD_ID']
    : ['TEMPORAL_WORKER_BUILD_ID', 'TEMPORAL_DEPLOYMENT_NAME'];
  throw new AegrailError(
    'CONFIG_INVALID',
    `${set} is set and ${missing} is not: set both for a worker with a version, or neither.`,
  );
}
