import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { NO_AMOUNTS, ONE_CALL, started, toolAdmitted } from '../vectors/payloads.ts';
import { chained, type Emit, RUN, session } from '../vectors/play.ts';
import { verify } from '../vectors/make.ts';
import { verifyInPython } from './in-python.ts';

const SECOND_RUN = '0195b2c4-2222-7222-8333-444455556666';
const calls = (tool_calls: number) => ({ ...NO_AMOUNTS, tool_calls });

function oneCall(emit: Emit, reservation: number): void {
  emit('tool_admitted', toolAdmitted('refund', `call_${reservation}`, `order ${reservation}`), 1);
  emit('tool_call', {
    reservation,
    tool: 'refund',
    call_id: `call_${reservation}`,
    ok: true,
    outcome: 'ok',
    posted: ONE_CALL,
    result: { bytes: 1 },
    elapsed_ms: 1,
  });
}

/** A session on two accounts, which makes two calls, is reset, and makes a third. */
function logOf(first: number, second: number, again: number): string {
  const records = session('sess_leased', (emit, goOn) => {
    emit('session_started', started('sess_leased', { max_tool_calls: 5 }));
    emit('account_leased', { account: 'tenant/acme', n: 1, amounts: calls(first) });
    emit('account_leased', { account: 'user/ann', n: 1, amounts: calls(5) });
    oneCall(emit, 3);
    emit('account_leased', { account: 'tenant/acme', n: 2, amounts: calls(second) });
    oneCall(emit, 6);
    goOn(SECOND_RUN, 9);
    emit('session_reset', { from_run_id: RUN, to_run_id: SECOND_RUN, at_seq: 8, in_flight: 0 }, 1_000);
    for (const account of ['tenant/acme', 'user/ann']) emit('account_leased', { account, n: 3, amounts: calls(again) });
    oneCall(emit, 11);
    emit('session_ended', { outcome: 'answered', reason: null, records: 14, answer: { bytes: 3 } });
  });
  return chained(records)
    .map((line) => `${line}\n`)
    .join('');
}

test.each([
  ['within its leases', [1, 1, 1], null],
  ['beyond its first lease', [0, 2, 1], { line: 4, fault: 'over_granted' }],
  ['beyond its second', [1, 0, 1], { line: 7, fault: 'over_granted' }],
  ['with what it gave back by a reset', [5, 5, 0], { line: 12, fault: 'over_granted' }],
] as const)('both verifiers see that a session spent %s', async (_what, [first, second, again], fault) => {
  const bytes = Buffer.from(logOf(first, second, again));
  expect(await verify(bytes)).toMatchObject(fault === null ? { ok: true } : { ok: false, ...fault });
  const dir = await mkdtemp(join(tmpdir(), 'aegrail-leased-'));
  onTestFinished(() => rm(dir, { recursive: true }));
  await writeFile(join(dir, 'log.jsonl'), bytes);
  const { told } = await verifyInPython([join(dir, 'log.jsonl')]);
  expect(told).toMatchObject([fault === null ? { ok: true } : { ok: false, ...fault }]);
});
