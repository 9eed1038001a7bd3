import { canonicalJson } from '../../src/core/canonical.ts';
import type { Contract, ToolContract } from '../../src/core/contract.ts';
import type { ModelPrice, RateTier } from '../../src/core/price.ts';
import { sha256 } from './play.ts';

/** The contract of the bundles' sessions: two tiers of prices, a fee for each call, and a multiplier. */

function tier(aboveInputTokens: number, inputPicoUsd: number): RateTier {
  return {
    aboveInputTokens,
    inputPicoUsd,
    cacheReadPicoUsd: inputPicoUsd / 10,
    cacheWritePicoUsd: inputPicoUsd + inputPicoUsd / 4,
    cacheWrite1hPicoUsd: inputPicoUsd * 2,
    outputPicoUsd: inputPicoUsd * 6 + 1,
  };
}

export const PRICE: ModelPrice = {
  source: 'the vectors',
  sourceVersion: '1',
  model: 'gpt-5.4-mini',
  tiers: [tier(0, 750_000), tier(2_000, 1_500_000)],
  billedInput: ['input', 'cacheRead', 'cacheWrite'],
  feesPicoUsd: { requests: 1_234_567 },
  multipliersPermille: { 'service_tier=flex': 500 },
};

const tool: ToolContract = {
  source: { kind: 'module', module: './tools.ts', export: 'tool' },
  description: 'A tool.',
  inputSchema: { type: 'object', properties: { note: { type: 'string' } } },
  when: null,
  approval: null,
  timeoutMs: 20_000,
  idempotent: false,
  redact: { showArgs: ['note'], showResult: false },
  secrets: [],
};

export const CONTRACT: Contract = {
  format: 1,
  agent: 'support-bot',
  version: 'v1',
  instructions: 'Hilf den Kunden. Zoë schaut zu. 🙂',
  model: {
    provider: 'openai',
    protocol: 'openai',
    name: 'gpt-5.4-mini',
    maxOutputTokens: 1_000,
    minOutputTokens: 16,
    promptOverheadTokens: 0,
    timeoutMs: 60_000,
    price: PRICE,
  },
  tools: { lookup_order: tool, refund: tool },
  limits: { usdNano: 50_000_000, tokens: 20_000, wallMs: 600_000, toolCalls: null, recursionDepth: 0 },
  budget: { onExceeded: 'kill', approvers: null, excludeUser: true, askMs: 86_400_000, softPermille: 800 },
  audit: 'required',
  maxParallelCalls: 4,
  maxResultBytes: 10_000,
};

/** Its canonical form, and the SHA-256 of that, by which records name it. */
export const CONTRACT_JSON = canonicalJson(CONTRACT);
export const CONTRACT_SHA256 = sha256(CONTRACT_JSON);
