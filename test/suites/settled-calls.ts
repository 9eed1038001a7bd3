import { describe, expect, test } from 'vitest';
import { billUsdNano } from '../../src/model-endpoint/index.ts';
import { only, postedNano, PRICE, type Run } from '../harness/faulty-model.ts';

/** Holds for whatever a model does: every call is admitted, settled and paid for. */
export function settlesEveryCall(names: readonly string[], run: (name: string) => Promise<Run>): void {
  describe.each(names)('%s', (name) => {
    test('ends, with every call admitted, settled and paid for', async () => {
      const ran = await run(name);
      expect(ran.failedTasks).toEqual([]);
      expect(ran.records.at(-1)).toMatchObject({
        event: 'session_ended',
        budget: { usd_reserved: 0, tokens_reserved: 0, tool_calls_reserved: 0 },
      });
      const settled = only(ran, 'llm_call');
      expect(only(ran, 'llm_admitted')).toHaveLength(settled.length);
      // A deadline may come between an admission and its request.
      if (ran.end.reason === 'wall_seconds') expect(settled.length).toBeGreaterThanOrEqual(ran.turns.length);
      else if (name !== 'nobody listens') expect(settled).toHaveLength(ran.turns.length);
      if (name.includes('unpriced')) return;
      const billed = billUsdNano(ran.billed, PRICE);
      expect(postedNano(ran)).toBeGreaterThanOrEqual(billed);
      if (settled.every(({ usage_state, outcome }) => usage_state === 'reported' || outcome === 'not_started')) {
        expect(postedNano(ran)).toBe(billed);
      }
    });
  });
}
