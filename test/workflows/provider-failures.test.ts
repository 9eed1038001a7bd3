import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { byAttempt, loop, sequence } from '../../src/model-endpoint/index.ts';
import { DONE } from '../fixtures/workflows/model-answers.ts';
import {
  type FaultCase,
  type FaultyModel,
  only,
  postedNano,
  type Run,
  startFaultyModel,
} from '../harness/faulty-model.ts';
import { settlesEveryCall } from '../suites/settled-calls.ts';

const CASES: Readonly<Record<string, FaultCase>> = {
  'cut off': { play: byAttempt([{ truncate: true }, DONE]) },
  'cut off before the body': { play: byAttempt([{ truncate: 0 }, DONE]) },
  '401': { play: loop({ fail: { status: 401 } }) },
  '403 with odd words': {
    play: loop({
      fail: { status: 403, body: `{"error":{"message":"\\ud800${'w'.repeat(988)}😀${'w'.repeat(5000)}"}}` },
    }),
  },
  '400 of 1 MB': { play: loop({ fail: { status: 400, body: 'e'.repeat(1_000_000) } }) },
  '429 in seconds': { play: byAttempt([{ fail: { status: 429, retryAfterSeconds: 2 } }, DONE]) },
  '429 as a date': {
    play: byAttempt([
      () => ({ fail: { status: 429, headers: { 'retry-after': new Date(Date.now() + 3_000).toUTCString() } } }),
      DONE,
    ]),
  },
  '429 until tomorrow': { agent: 'brief', play: loop({ fail: { status: 429, retryAfterSeconds: 86_400 } }) },
  '429 for ever': {
    agent: 'brief',
    play: loop({ fail: { status: 429, headers: { 'retry-after': '9'.repeat(400) } } }),
  },
  '429 with nonsense': { play: byAttempt([{ fail: { status: 429, headers: { 'retry-after': 'soon; -1' } } }, DONE]) },
  '500, then an answer': { play: byAttempt([{ fail: { status: 500 } }, DONE]) },
  '503 twice, then an answer': { play: byAttempt([{ fail: { status: 503 } }, { fail: { status: 503 } }, DONE]) },
  '500 in the second turn': {
    play: sequence([{ call: [{ tool: 'note', args: {} }] }, byAttempt([{ fail: { status: 500 } }, DONE])]),
  },
  '502, then an answer': { play: byAttempt([{ fail: { status: 502 } }, DONE]) },
  '500 without end': { agent: 'brief', play: loop({ fail: { status: 500 } }) },
  'a hang, then an answer': { agent: 'impatient', play: byAttempt([{ hang: true, of: DONE }, DONE]) },
  'a hang without end': { agent: 'impatient', play: loop({ hang: true, of: DONE }) },
  'nobody listens': { agent: 'unreachable', play: loop(DONE) },
  'anthropic overloaded': { agent: 'claude', play: byAttempt([{ fail: { status: 529 } }, DONE]) },
};

let model: FaultyModel;
const run = (name: string): Promise<Run> => model.run(name);

beforeAll(async () => {
  model = await startFaultyModel(CASES);
});
afterAll(() => model.close());

settlesEveryCall(Object.keys(CASES), run);

describe('failures of the provider', () => {
  test.each([
    ['401', 401],
    ['403 with odd words', 403],
    ['400 of 1 MB', 400],
  ])('%s ends the session at once, for nothing', async (name, status) => {
    const ran = await run(name);
    expect(ran.end).toMatchObject({ outcome: 'failed', reason: 'MODEL_FAILED' });
    expect(ran.end.message).toMatch(new RegExp(`HTTP status ${status}`));
    expect(ran.turns).toHaveLength(1);
    expect(postedNano(ran)).toBe(0);
  });

  test.each(['429 in seconds', '429 as a date'])(
    '%s: the next try comes no earlier than it was asked for',
    async (name) => {
      const ran = await run(name);
      expect(ran.end).toMatchObject({ outcome: 'answered' });
      const [first, second] = ran.turns;
      expect((second?.atMs ?? 0) - (first?.atMs ?? 0)).toBeGreaterThanOrEqual(1_990);
      expect(only(ran, 'llm_call')).toMatchObject([
        {
          outcome: 'not_started',
          posted: { usd_nano: 0, tokens: 0 },
          error: { code: 'RATE_LIMITED', status: 429 },
          retry_in_ms: expect.any(Number),
        },
        { outcome: 'ok', usage_state: 'reported' },
      ]);
    },
  );

  test.each(['429 until tomorrow', '429 for ever'])(
    '%s is beyond the deadline, so the session ends at once and says so',
    async (name) => {
      const ran = await run(name);
      expect(ran.turns).toHaveLength(1);
      expect(ran.end).toMatchObject({ outcome: 'failed', reason: 'MODEL_FAILED' });
      expect(ran.end.message).toMatch(/429.*wall clock/);
      // No try came, so none is announced.
      expect(only(ran, 'llm_call')[0]).not.toHaveProperty('retry_in_ms');
      expect(postedNano(ran)).toBe(0);
    },
  );

  test.each([
    ['429 with nonsense', 2],
    ['500, then an answer', 2],
    ['503 twice, then an answer', 3],
    ['500 in the second turn', 3],
    ['anthropic overloaded', 2],
  ])('%s: tried again, each try admitted, and only the answer is paid', async (name, tries) => {
    const ran = await run(name);
    expect(ran.end).toMatchObject({ outcome: 'answered', answer: 'Done.' });
    expect(ran.turns).toHaveLength(tries);
    const failed = only(ran, 'llm_call').filter(({ outcome }) => outcome === 'not_started');
    expect(failed.every(({ posted }) => posted.usd_nano === 0)).toBe(true);
  });

  test.each([
    ['502, then an answer', 'unknown', { code: 'PROVIDER_ERROR', status: 502 }],
    ['cut off', 'error', { code: 'BAD_RESPONSE' }],
    ['cut off before the body', 'error', { code: 'BAD_RESPONSE' }],
    ['a hang, then an answer', 'unknown', { code: 'TIMEOUT' }],
  ])('%s: what may have been billed is posted in full, then tried again', async (name, outcome, error) => {
    const ran = await run(name);
    expect(ran.end).toMatchObject({ outcome: 'answered', answer: 'Done.' });
    const [admitted] = only(ran, 'llm_admitted');
    expect(only(ran, 'llm_call')).toMatchObject([{ outcome, posted: admitted?.reserved, error }, { outcome: 'ok' }]);
  });

  test.each(['500 without end', 'a hang without end', 'nobody listens'])(
    '%s ends within the wall clock',
    async (name) => {
      const ran = await run(name);
      expect(['MODEL_FAILED', 'wall_seconds']).toContain(ran.end.reason);
      expect(only(ran, 'llm_call').length).toBeGreaterThan(1);
      // The wall clock, and what it took to start beside all others.
      expect(ran.elapsedMs).toBeLessThan(20_000);
    },
  );

  test('what never reached a provider costs nothing', async () => {
    const ran = await run('nobody listens');
    const calls = only(ran, 'llm_call');
    const refused = calls.filter(({ error }) => error?.code === 'CONNECT_FAILED');
    expect(refused.length).toBeGreaterThan(1);
    for (const call of refused)
      expect(call).toMatchObject({ outcome: 'not_started', posted: { usd_nano: 0, tokens: 0, tool_calls: 0 } });
    // The deadline may come between an admission and its request: of that last one nobody knows.
    expect(calls.slice(0, -1)).toEqual(refused.slice(0, calls.length - 1));
  });
});
