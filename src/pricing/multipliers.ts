import { withoutRelease } from './match.ts';

/** By how much a call's tokens are dearer or cheaper when the response says how it was served. */
interface Multiplier {
  readonly provider: string;
  readonly modifiers: readonly string[];
  readonly permille: number;
  readonly models: readonly string[];
}

const PRIORITY = ['service_tier=priority', 'service_tier=fast'];
const GPT_5_6_AND_6 = ['gpt-5.6-luna', 'gpt-5.6-sol', 'gpt-5.6-terra', 'gpt-6-astra', 'gpt-6-luna', 'gpt-6-sol'];
const GPT_5_HALVED = ['gpt-5', 'gpt-5-mini', 'gpt-5-nano', 'gpt-5.1', 'gpt-5.2', 'gpt-5.4-mini', 'gpt-5.4-nano'];
const GPT_5_DOUBLED = ['gpt-5', 'gpt-5.1', 'gpt-5.2', 'gpt-5.3-codex', 'gpt-5.4-mini'];
const CLAUDE_4_5 = ['claude-haiku-4-5', 'claude-sonnet-4-5', 'claude-opus-4-5'];
const CLAUDE_4 = ['claude-sonnet-4-6', 'claude-opus-4-6', 'claude-opus-4-7', 'claude-opus-4-8'];
const CLAUDE_5 = ['claude-sonnet-5', 'claude-opus-5', 'claude-opus-5-5', 'claude-fable-5', 'claude-fable-5-1'];

/**
 * What genai-prices 0.1.8 lacks. Only models whose multiple is the same for every kind of token and in every tier, as
 * the variants of genai-prices 0.2.1 for Python have it (2026-10), and https://openai.com/api-priority-processing,
 * https://platform.claude.com/docs/en/build-with-claude/batch-processing and .../data-residency.
 *
 * A value that is not here makes a call unpriceable. So gpt-5.4 is not under flex (its cached rate is 0.52 there), nor
 * gpt-5.5 under priority (no rate for long input), nor o3 under batch (no cached rate), nor Anthropic's speed=fast.
 */
const MULTIPLIERS: readonly Multiplier[] = [
  {
    provider: 'openai',
    modifiers: ['service_tier=flex', 'service_tier=batch'],
    permille: 500,
    models: [...GPT_5_HALVED, 'gpt-5.4-pro', 'gpt-5.5', ...GPT_5_6_AND_6],
  },
  { provider: 'openai', modifiers: ['service_tier=flex'], permille: 500, models: ['o3'] },
  {
    provider: 'openai',
    modifiers: PRIORITY,
    permille: 2000,
    models: ['gpt-4.1-nano', ...GPT_5_DOUBLED, ...GPT_5_6_AND_6],
  },
  { provider: 'openai', modifiers: PRIORITY, permille: 1800, models: ['gpt-5-mini'] },
  { provider: 'openai', modifiers: PRIORITY, permille: 1750, models: ['gpt-4.1', 'gpt-4.1-mini', 'o3'] },
  { provider: 'openai', modifiers: PRIORITY, permille: 1700, models: ['gpt-4o'] },
  {
    provider: 'anthropic',
    modifiers: ['service_tier=batch'],
    permille: 500,
    models: [...CLAUDE_4_5, ...CLAUDE_4, ...CLAUDE_5],
  },
  // From Claude 4.6 on; earlier models answer `not_available`.
  { provider: 'anthropic', modifiers: ['inference_geo=us'], permille: 1100, models: [...CLAUDE_4, ...CLAUDE_5] },
];

/** The multipliers known of a model, in thousandths, by `field=value`. A dated release has those of its model. */
export function multipliersOf(provider: string, model: string): Readonly<Record<string, number>> {
  const name = withoutRelease(model);
  const rows = MULTIPLIERS.filter((row) => row.provider === provider && row.models.includes(name));
  return Object.fromEntries(rows.flatMap((row) => row.modifiers.map((modifier) => [modifier, row.permille])));
}
