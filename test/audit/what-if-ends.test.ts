import { describe, expect, test } from 'vitest';
import { whatIf } from '../../src/audit/what-if.ts';
import type { PastSession } from '../../src/audit/what-if-walk.ts';
import type { Rules } from '../../src/audit/what-if-rules.ts';
import type { Grant } from '../../src/core/contract.ts';
import { call, ENDS, played, rules, tell, turn } from './what-if-kit.ts';

describe('shorter answers', () => {
  const shorter = (maxOutputTokens: number, grant: Partial<Grant> = {}): Rules => {
    const { contract, ...others } = rules(grant);
    return { ...others, contract: { ...contract, model: { ...contract.model, maxOutputTokens } } };
  };

  test('are cut off, and later requests hold less', () => {
    const past = played([turn([call('look')]), turn([], { inputTokens: 100_000 })]);
    // The second request holds the 150 tokens of the first one, 64 for its frames, and 100 that are new.
    expect(past.records.at(-2)).toMatchObject({ payload: { usage: { input_tokens: 314 } } });
    const found = whatIf(past, shorter(30));
    expect(tell(found)).toEqual(['2 openai/x: ran -> cut', '6 openai/x: ran -> cut']);
    expect(found.was.tokens).toBe(150 + 314 + 50);
    expect(found.wouldBe.tokens).toBe(130 + 294 + 30);
    expect(found.notes).toEqual([expect.stringContaining('cut off')]);
  });

  test('whatever kinds of input those were', () => {
    const past = played([turn([call('look')]), turn([], { inputTokens: 100_000 })]);
    const records = past.records.map((record) => {
      if (record.event !== 'llm_call' || record.payload.usage?.input_tokens !== 314) return record;
      const usage = { ...record.payload.usage, input_tokens: 5, cache_read_tokens: 9, cache_write_tokens: 300 };
      return { ...record, payload: { ...record.payload, usage } };
    });
    expect(whatIf({ ...past, records }, shorter(30)).wouldBe.tokens).toBe(130 + 294 + 30);
  });

  test('are posted at a smaller reservation where nobody counted them, and bound the next request by it', () => {
    const past = played([turn([call('look')], { usage: 'missing' }), ENDS]);
    const found = whatIf(past, shorter(100, { tokens: 700 }));
    expect(tell(found)).toEqual(['2 openai/x: ran -> ran']);
    expect(found).toMatchObject({ was: { tokens: 650 }, wouldBe: { outcome: 'answered', tokens: 350 } });
  });
});

describe('an end that came by itself', () => {
  const plan = [turn([call('look'), call('look'), call('look')]), ENDS];
  const twoCalls = { toolCalls: 2 };

  test('stays the end where the deadline comes later, and stops only what was in flight', () => {
    const past = played(plan, twoCalls);
    expect(past.records[5]).toMatchObject({ event: 'budget_exceeded' });
    const found = whatIf(past, rules({ ...twoCalls, wallMs: 1_500 }));
    expect(tell(found)).toEqual(['3 look: ran -> cancelled wall_seconds', '4 look: ran -> cancelled wall_seconds']);
    expect(found.wouldBe).toEqual({ ...found.was, outcome: 'killed', reason: 'max_tool_calls', seq: 5 });
  });

  /** The same session, cancelled while its tools ran. */
  function cancelled(): PastSession {
    const past = played(plan);
    const records = past.records.slice(0, 6);
    const [at, last] = [records.at(-1), past.records.at(-1)];
    if (!at || last?.event !== 'session_ended') throw new TypeError('no log');
    const asked = { ...at, seq: 6, event: 'cancel_requested' as const, payload: { in_flight: 3 } };
    const ends = past.records.slice(6, 9).map((record, index) => ({ ...record, seq: 7 + index }));
    const end = { ...last, seq: 10, payload: { ...last.payload, outcome: 'cancelled' as const } };
    return { ...past, records: [...records, asked, ...ends, end] };
  }

  test('a session that was cancelled was cancelled, whatever would have come after', () => {
    expect(whatIf(cancelled(), rules())).toMatchObject({ differences: [], wouldBe: { outcome: 'cancelled' } });
    expect(whatIf(cancelled(), rules({ wallMs: 1_500 }))).toMatchObject({
      differences: [],
      wouldBe: { outcome: 'cancelled' },
    });
    expect(whatIf(cancelled(), rules({ wallMs: 500 })).wouldBe).toMatchObject({
      outcome: 'killed',
      reason: 'wall_seconds',
    });
  });

  test('and who cancels while a killed session lets its calls end sees a cancelled one', () => {
    const found = whatIf(cancelled(), rules(twoCalls));
    expect(tell(found)).toEqual(['5 look: ran -> killed max_tool_calls']);
    expect(found.wouldBe).toMatchObject({ outcome: 'cancelled', reason: null, seq: null, toolCalls: 2 });
    expect(whatIf(cancelled(), rules({ toolCalls: 0 })).wouldBe).toMatchObject({ outcome: 'killed', seq: 3 });
  });
});
