import { createHash } from 'node:crypto';
import { chainRecord, GENESIS_HASH, type Sha256 } from '../../src/core/chain.ts';
import type { BudgetSnapshot } from '../../src/core/record-parts.ts';
import type { AuditRecord } from '../../src/core/record.ts';
import type { Claim } from '../../src/store/store.ts';

/** node:crypto's SHA-256, as the chain wants it. */
export const sha256: Sha256 = (text) => createHash('sha256').update(text).digest('hex');

const BUDGET: BudgetSnapshot = {
  tokens_used: 0,
  usd_used: 0,
  tool_calls: 0,
  recursion_depth: 0,
  wall_elapsed: 0,
  tokens_reserved: 0,
  usd_reserved: 0,
  tool_calls_reserved: 0,
};

/** Records of a session that started, asked to call a tool `calls` times (admitted, posted), and ended when `ended`. */
export function sampleSession(sessionId: string, calls: number, ended = true): readonly AuditRecord[] {
  const records: AuditRecord[] = [];
  const add = (body: Pick<AuditRecord, 'event' | 'payload'>): void => {
    const seq = records.length;
    records.push({
      v: 1,
      ts: new Date(1_790_000_000_000 + seq * 250).toISOString(),
      seq,
      session_id: sessionId,
      run_id: '0195b2c4-1111-7222-8333-444455556666',
      event_id: 3 + seq,
      agent_identity: 'support-bot/v1',
      invoking_user: 'ada@acme.com',
      principal: 'support-bot/v1@sess_1790000000000_0123456789ab',
      budget: { ...BUDGET, tool_calls: seq, wall_elapsed: seq / 4, usd_used: (seq * 123_457) / 1e9 },
      ...body,
    } as AuditRecord);
  };
  add({
    event: 'session_started',
    payload: {
      contract_sha256: sha256('contract'),
      limits: { usd: 0.5, tokens: 20_000, wall_seconds: 3600, max_tool_calls: null, max_recursion_depth: 2 },
      model: 'openai/gpt-5-mini',
      tools: ['lookup_order', 'refund'],
      workflow_id: sessionId,
      authorization: null,
      recursion_depth: 0,
      input: { bytes: 42 },
      fail_on_kill: false,
      aegrail_version: '0.1.0',
    },
  });
  for (let call = 0; call < calls; call++) {
    const reservation = records.length;
    add({
      event: 'tool_admitted',
      payload: {
        tool: 'refund',
        call_id: `call_${call}`,
        attempt: 1,
        digest: sha256(`call ${call}`),
        args: {
          keys: [
            { key: 'amount', bytes: 3 },
            { key: 'note', bytes: 20 },
          ],
          bytes: 41,
          shown: { note: 'für Zoë 🙂 "hash":"' },
        },
        reserved: { usd_nano: 0, tokens: 0, tool_calls: 1 },
        until_ms: 1_790_000_020_000,
        timeout_ms: 20_000,
      },
    });
    add({
      event: 'tool_call',
      payload: {
        reservation,
        tool: 'refund',
        call_id: `call_${call}`,
        ok: true,
        outcome: 'ok',
        posted: { usd_nano: 0, tokens: 0, tool_calls: 1 },
        result: { bytes: 17 },
        elapsed_ms: 12,
      },
    });
  }
  if (ended) {
    const records_ = records.length + 1;
    add({
      event: 'session_ended',
      payload: { outcome: 'answered', reason: null, records: records_, answer: { bytes: 5 } },
    });
  }
  return records;
}

/** The claim of a sample session's call, counted from 0. */
export function sampleClaim(call: number): Claim {
  return { seq: 1 + 2 * call, event: 'tool_admitted', digest: sha256(`call ${call}`) };
}

/** The lines of one session's log, in order. */
export function sampleLines(records: readonly AuditRecord[]): readonly string[] {
  let prevHash = GENESIS_HASH;
  return records.map((record) => {
    const chained = chainRecord(record, prevHash, sha256);
    prevHash = chained.record.hash;
    return chained.line;
  });
}
