import type { ContractFileInput } from '../../src/config/schema.ts';
import { type ModelEndpoint, type Script, startModelEndpoint } from '../../src/model-endpoint/index.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** Which model the agents of an example use, and how the worker reaches it. */
export interface ExampleModel {
  /** provider/model in place of the contract file's, null to leave that. */
  readonly name: string | null;
  /** Added to the worker's environment. */
  readonly env: Env;
  /** Prices for a model that no list has. */
  readonly prices: NonNullable<ContractFileInput['prices']>;
  /** The scripted endpoint, null when a real provider is used. */
  readonly endpoint: ModelEndpoint | null;
  /** One sentence that says plainly what it is. */
  readonly said: string;
}

/** A scripted model behind a real HTTP endpoint on this machine, which speaks as OpenAI and Anthropic do, and bills. */
export async function scriptedModel(script: Script, why: string): Promise<ExampleModel> {
  const endpoint = await startModelEndpoint({ script });
  return {
    name: null,
    env: {
      OPENAI_BASE_URL: endpoint.openaiBaseUrl,
      OPENAI_API_KEY: 'scripted',
      ANTHROPIC_BASE_URL: endpoint.anthropicBaseUrl,
      ANTHROPIC_API_KEY: 'scripted',
    },
    prices: {},
    endpoint,
    said: `a scripted one behind a real HTTP endpoint, ${endpoint.url}. ${why}`,
  };
}

/** The model that the contract file names, at its provider. */
export function providersModel(said: string): ExampleModel {
  return { name: null, env: {}, prices: {}, endpoint: null, said };
}
