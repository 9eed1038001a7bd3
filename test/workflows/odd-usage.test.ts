import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loop } from '../../src/model-endpoint/index.ts';
import { type FaultCase, type FaultyModel, only, type Run, startFaultyModel } from '../harness/faulty-model.ts';
import { settlesEveryCall } from '../suites/settled-calls.ts';

const LIES: Readonly<Record<string, object>> = {
  negative: { completion_tokens: -5 },
  fractional: { prompt_tokens: 12.5 },
  text: { prompt_tokens: '12' },
  input: { prompt_tokens: 9_000_000, total_tokens: 9_000_010 },
  output: { completion_tokens: 9_000_000, total_tokens: 9_000_010 },
  huge: { prompt_tokens: 1e300 },
  details: { prompt_tokens_details: { cached_tokens: 1e6 } },
};

const CASES: Readonly<Record<string, FaultCase>> = {
  ...Object.fromEntries(
    Object.entries(LIES).map(([name, usage]) => [
      `lie ${name}`,
      { play: loop({ say: 'Hi.', usage: usage as Record<string, unknown> }) },
    ]),
  ),
  'usage missing': { play: loop({ say: 'Hi.', usage: 'missing' }) },
  'a dearer tier': { play: loop({ say: 'Hi.', serviceTier: 'priority' }) },
  'a tier with a lone surrogate': { play: loop({ say: 'Hi.', serviceTier: 'a\ud800' }) },
  'a tier with a lone surrogate, unpriced': { agent: 'unpriced', play: loop({ say: 'Hi.', serviceTier: 'a\ud800' }) },
  'anthropic lie': { agent: 'claude', play: loop({ say: 'Hi.', usage: { output_tokens: -1 } }) },
};

let model: FaultyModel;
const run = (name: string): Promise<Run> => model.run(name);

beforeAll(async () => {
  model = await startFaultyModel(CASES);
});
afterAll(() => model.close());

settlesEveryCall(Object.keys(CASES), run);

describe('usage', () => {
  test('missing usage is posted at its reservation, and the session goes on', async () => {
    const ran = await run('usage missing');
    expect(ran.end).toMatchObject({ outcome: 'answered' });
    const [admitted] = only(ran, 'llm_admitted');
    expect(only(ran, 'llm_call')).toMatchObject([{ usage_state: 'missing', posted: admitted?.reserved }]);
  });

  test('a count that is text is no answer', async () => {
    expect((await run('lie text')).end).toMatchObject({ outcome: 'failed', reason: 'MODEL_FAILED' });
  });

  test.each([
    ...Object.keys(LIES)
      .filter((name) => name !== 'text')
      .map((name) => `lie ${name}`),
    'a dearer tier',
    'a tier with a lone surrogate',
    'anthropic lie',
  ])('an impossible count (%s) is posted at its reservation, and ends the session', async (name) => {
    const ran = await run(name);
    expect(ran.end).toMatchObject({ outcome: 'killed', reason: 'usd' });
    const [admitted] = only(ran, 'llm_admitted');
    expect(only(ran, 'llm_call')).toMatchObject([
      { usage_state: 'impossible', posted: admitted?.reserved, usage: null },
    ]);
  });

  test('without a price, an odd tier is recorded as far as it can be', async () => {
    expect((await run('a tier with a lone surrogate, unpriced')).end).toMatchObject({
      outcome: 'answered',
      answer: 'Hi.',
    });
  });
});
