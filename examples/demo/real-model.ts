import { freezePrice } from '../../src/pricing/freeze.ts';
import type { ExampleModel } from '../shared/model.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** Longest that a server is asked which models it has. */
const LIST_TIMEOUT_MS = 5_000;
/** For a model that no list prices, as local ones: dear enough for the budget to be reached after some calls. */
const ASSUMED_PRICE = { inputUsdPerMillion: 5, outputUsdPerMillion: 15 };

/**
 * The model that the environment names: OPENAI_BASE_URL before OPENAI_API_KEY before ANTHROPIC_API_KEY, its name by
 * AEGRAIL_DEMO_MODEL. Null when it names none.
 *
 * @throws Error when a server at OPENAI_BASE_URL can't be asked for its models
 */
export async function realModel(env: Env): Promise<ExampleModel | null> {
  const named = env['AEGRAIL_DEMO_MODEL'];
  const baseUrl = env['OPENAI_BASE_URL'];
  if (baseUrl)
    return described(
      'openai',
      named || (await firstModel(baseUrl, env['OPENAI_API_KEY'])),
      `at ${baseUrl} (OPENAI_BASE_URL)`,
    );
  if (env['OPENAI_API_KEY'])
    return described('openai', named || 'gpt-5.4-mini', 'of OpenAI (OPENAI_API_KEY). It costs about 0.06 USD');
  if (env['ANTHROPIC_API_KEY'])
    return described(
      'anthropic',
      named || 'claude-haiku-4-5',
      'of Anthropic (ANTHROPIC_API_KEY). It costs about 0.06 USD',
    );
  return null;
}

function described(provider: 'openai' | 'anthropic', model: string, where: string): ExampleModel {
  const name = `${provider}/${model}`;
  const isListed = freezePrice({ provider, model, at: new Date() }) !== null;
  const { inputUsdPerMillion, outputUsdPerMillion } = ASSUMED_PRICE;
  const assumed = `No list has its price: the demo counts ${inputUsdPerMillion} USD a million input tokens and ${outputUsdPerMillion} USD a million output tokens.`;
  return {
    name,
    env: {},
    prices: isListed ? {} : { [name]: ASSUMED_PRICE },
    endpoint: null,
    said: `${model}, a real model ${where}. ${isListed ? '' : assumed}`.trim(),
  };
}

/** The first model that an OpenAI-compatible server lists: a local one mostly has one. */
async function firstModel(baseUrl: string, apiKey: string | undefined): Promise<string> {
  const url = `${baseUrl.replace(/\/$/, '')}/models`;
  try {
    const headers: Record<string, string> = apiKey ? { authorization: `Bearer ${apiKey}` } : {};
    const response = await fetch(url, { headers, signal: AbortSignal.timeout(LIST_TIMEOUT_MS) });
    const { data } = (await response.json()) as { readonly data?: readonly { readonly id?: string }[] };
    const id = data?.[0]?.id;
    if (id) return id;
    throw new Error(`HTTP status ${response.status}, and no model in the answer`);
  } catch (thrown) {
    const why = thrown instanceof Error ? thrown.message : String(thrown);
    throw new Error(
      `${url} does not say which models it has (${why}). Is the server up? Or name one: AEGRAIL_DEMO_MODEL=…`,
      { cause: thrown },
    );
  }
}
