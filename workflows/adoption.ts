import type { AdoptCall, Adopted, NotAdopted } from '../src/core/migration.ts';
import { CancellationScope, sleep } from '@temporalio/workflow';
import { runAdopt } from './proxies.ts';
import { backoffMs } from './retry.ts';
import type { Runner } from './runner.ts';
import { settle } from './settle.ts';

/** Most tries of reading a contract that somebody asks for: some minutes. */
const ASKED_ATTEMPTS = 8;
/** The same of one that stands in the session's log, without which it can't go on: with their waits some hours. */
const DECIDED_ATTEMPTS = 300;

/** Asks a worker for a contract that the session may go on under. Tries again while the store can't be read. */
export async function adoption({ stopper }: Runner, call: AdoptCall): Promise<Adopted | NotAdopted> {
  const most = call.isDecided ? DECIDED_ATTEMPTS : ASKED_ATTEMPTS;
  for (let attempt = 1; ; attempt++) {
    const settled = await CancellationScope.nonCancellable(() => settle(runAdopt({ call, permit: null, records: [] })));
    if (settled.outcome === 'ok') return settled.answer;
    const waitMs = backoffMs(settled.failure, attempt, most);
    const isStopped = !call.isDecided && stopper.reason() !== null;
    if (waitMs === null || isStopped)
      return { refused: 'AUDIT_UNAVAILABLE', why: `the contract can not be read (${settled.failure.code})` };
    await CancellationScope.nonCancellable(() => sleep(waitMs, { summary: 'before reading the contract again' }));
  }
}
