import { expect, test } from 'vitest';
import type { AuditRecord } from '../../src/core/record.ts';
import type { Store } from '../../src/store/store.ts';
import { sampleClaim, sampleLines, sampleSession } from './sample-session.ts';
import { linesOf } from './store-under-test.ts';

/** What comes after a session's last record, in every store. */
export function endTests(store: () => Store): void {
  test.each(['session_ended', 'session_terminated'] as const)(
    'adds nothing after %s, not even in the same batch',
    async (event) => {
      const records = endingWith(event);
      const late = { ...records[1]!, seq: records.length } as AuditRecord;
      const refusal = {
        code: 'SESSION_ENDED',
        message: `record ${late.seq} of session s1 would come after its last one`,
      };
      await expect(store().append('s1', [...records, late])).rejects.toMatchObject(refusal);
      expect(await linesOf(store(), 's1')).toEqual([]);
      await store().append('s1', records);
      const claim = { ...sampleClaim(0), seq: late.seq };
      await expect(store().append('s1', [late])).rejects.toMatchObject(refusal);
      await expect(store().append('s1', [records.at(-1)!, late], claim)).rejects.toMatchObject(refusal);
      expect(await linesOf(store(), 's1')).toEqual(sampleLines(records));
    },
  );

  test.each(['session_ended', 'session_terminated'] as const)(
    'a reset goes on after %s, alone or in a batch, up to the next end',
    async (event) => {
      const before = endingWith(event);
      const reset = resetAt(before.length);
      const again = { ...before[1]!, seq: before.length + 1 } as AuditRecord;
      const end = { ...before.at(-1)!, seq: before.length + 2 } as AuditRecord;
      const whole = [...before, reset, again, end];
      await store().append('s1', before);
      await store().append('s1', [reset]);
      await store().append('s1', [again]);
      await store().append('s1', [end]);
      expect(await linesOf(store(), 's1')).toEqual(sampleLines(whole));
      await expect(store().append('s1', [{ ...again, seq: whole.length }])).rejects.toMatchObject({
        code: 'SESSION_ENDED',
      });
      const theirs = whole.map((record) => ({ ...record, session_id: 's2' }));
      expect((await store().append('s2', theirs)).added).toHaveLength(whole.length);
    },
  );
}

function endingWith(event: 'session_ended' | 'session_terminated'): readonly AuditRecord[] {
  const records = sampleSession('s1', 1);
  if (event === 'session_ended') return records;
  const payload = { status: 'terminated', known_by: 'history', closed_at: null, by: null, reason: null };
  return [...records.slice(0, -1), { ...records.at(-1)!, event, payload: { ...payload, records: 4 } } as AuditRecord];
}

/** The record by which an operator's reset goes on with session s1. */
export function resetAt(seq: number): AuditRecord {
  const payload = { from_run_id: 'run-1', to_run_id: 'run-2', at_seq: 1, in_flight: 0 };
  return { ...sampleSession('s1', 0)[0]!, seq, event: 'session_reset', payload };
}
