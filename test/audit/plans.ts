import fc from 'fast-check';
import type { Contract, Grant, ToolContract } from '../../src/core/contract.ts';
import type { ModelPrice } from '../../src/core/price.ts';
import type { PlannedCall, PlannedTurn } from './played-session.ts';

/** A tool of the contract, under a rule. */
export function toolUnder(cel: string | null): ToolContract {
  return {
    source: { kind: 'module', module: './tools.ts', export: 'x' },
    description: 'A tool.',
    inputSchema: { type: 'object' },
    when: cel === null ? null : { cel },
    approval: null,
    timeoutMs: 60_000,
    idempotent: true,
    redact: { showArgs: [], showResult: false },
    secrets: [],
  };
}

/** Pico-USD a token: input, and output at six times as much. */
export function priceOf(inputPicoUsd: number): ModelPrice {
  const tier = {
    aboveInputTokens: 0,
    inputPicoUsd,
    cacheReadPicoUsd: inputPicoUsd,
    cacheWritePicoUsd: inputPicoUsd,
    cacheWrite1hPicoUsd: inputPicoUsd,
    outputPicoUsd: 6 * inputPicoUsd,
  };
  return {
    source: 'a test',
    sourceVersion: '1',
    model: 'x',
    tiers: [tier],
    billedInput: ['input'],
    feesPicoUsd: {},
    multipliersPermille: {},
  };
}

/** A contract with the tools `look`, `pay` and `late`. */
export function contractOf(
  limits: Grant,
  price: ModelPrice | null = priceOf(750_000),
  tools: Contract['tools'] = TOOLS,
): Contract {
  return {
    format: 1,
    agent: 'bot',
    version: 'v1',
    instructions: '',
    model: {
      provider: 'openai',
      protocol: 'openai',
      name: 'x',
      maxOutputTokens: 400,
      minOutputTokens: 16,
      promptOverheadTokens: 0,
      timeoutMs: 60_000,
      price,
    },
    tools,
    limits,
    budget: { onExceeded: 'kill', approvers: null, excludeUser: true, askMs: 1, softPermille: 0 },
    audit: 'required',
    maxParallelCalls: 16,
    maxResultBytes: 1000,
  };
}

export const TOOLS: Contract['tools'] = {
  look: toolUnder(null),
  pay: toolUnder("args.amount <= 100 && !('pay' in session.tools && session.tools.pay.admitted >= 3)"),
  late: toolUnder('session.denied < 2 && budget.tool_calls > 2'),
};

export const NO_LIMITS: Grant = { usdNano: null, tokens: null, wallMs: 3_600_000, toolCalls: null, recursionDepth: 0 };

const call: fc.Arbitrary<PlannedCall> = fc.record({
  tool: fc.constantFrom('look', 'pay', 'late', 'wipe'),
  args: fc.record({ amount: fc.constantFrom(20, 80, 500) }),
  tries: fc.array(fc.constantFrom('ok' as const, 'error' as const, 'not_started' as const, 'unknown' as const), {
    minLength: 1,
    maxLength: 3,
  }),
});

/** What may become of a session. Turn by turn, until an answer asks for nothing. */
export const plan: fc.Arbitrary<PlannedTurn[]> = fc.array(
  fc.record({
    newTokens: fc.nat(500),
    failures: fc.oneof(
      { weight: 4, arbitrary: fc.constant([]) },
      fc.array(fc.constantFrom('not_started' as const, 'unknown' as const), { maxLength: 2 }),
    ),
    inputTokens: fc.nat(700),
    outputTokens: fc.nat(450),
    usage: fc.oneof(
      { weight: 12, arbitrary: fc.constant('reported' as const) },
      fc.constantFrom('missing' as const, 'impossible' as const, 'unpriceable' as const),
    ),
    calls: fc.array(call, { maxLength: 4 }),
    waitMs: fc.nat(3_000),
  }),
  { minLength: 1, maxLength: 6 },
);

const orNone = (limit: fc.Arbitrary<number>): fc.Arbitrary<number | null> => fc.option(limit, { freq: 2 });

/** Limits that such a session meets, now and then. */
export const grant: fc.Arbitrary<Grant> = fc.record({
  usdNano: orNone(fc.nat(10_000_000)),
  tokens: orNone(fc.nat(6_000)),
  wallMs: fc.integer({ min: 1, max: 60_000 }),
  toolCalls: orNone(fc.nat(12)),
  recursionDepth: fc.constant(0),
});

/** The price of a model; unknown sometimes. */
export const price: fc.Arbitrary<ModelPrice | null> = fc.option(fc.integer({ min: 1, max: 3_000_000 }).map(priceOf), {
  freq: 8,
});
