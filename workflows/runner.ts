import { NOTHING } from '../src/core/ledger.ts';
import type { CallError, CallOutcome, WireAmounts } from '../src/core/record-parts.ts';
import type { AuditRecord } from '../src/core/record.ts';
import { wireAmounts } from '../src/core/session-state.ts';
import { settlementOf } from '../src/core/settlement.ts';
import {
  type Envelope,
  type FailureDetails,
  type ModelAnswer,
  type ModelCall,
  PARENT_GONE,
  type Settled,
  type ToolAnswer,
  type ToolCall,
} from '../src/calls.ts';
import type { Admitted } from './guard.ts';
import type { Journal } from './journal.ts';
import { runAppend, runModelCall, runToolCall } from './proxies.ts';
import { LogMoved } from './rejoin.ts';
import { abandonedCall, neverStarted, settle, settledBy } from './settle.ts';
import type { Stopper } from './stopper.ts';

/** First wait for a store that does not take records, and the longest. */
const STORE_BACKOFF_MS = { first: 500, longest: 60_000 };

/** Runs admitted calls: carries records along, waits for the end, the stop, or the end of the grace period. */
export interface Runner {
  readonly journal: Journal;
  readonly stopper: Stopper;
  readonly contractSha256: string;
  readonly deadlineMs: number;
}

/** Runs an admitted model call. */
export function runModel(
  runner: Runner,
  admitted: Admitted<ModelCall>,
  summary: string,
): Promise<Settled<ModelAnswer>> {
  return run(runner, admitted, (envelope, times) => runModelCall(envelope, { ...times, summary }));
}

/** Runs an admitted tool call. */
export function runTool(runner: Runner, admitted: Admitted<ToolCall>, summary: string): Promise<Settled<ToolAnswer>> {
  return run(runner, admitted, (envelope, times) => runToolCall(envelope, { ...times, summary }));
}

/**
 * By hand, and not with async functions and a race: the SDK takes a stack trace of every promise in a workflow, and what
 * waits on a promise as old as the session would be kept as long.
 */
function run<Call, Answer extends { readonly unstored?: true }>(
  runner: Runner,
  admitted: Admitted<Call>,
  schedule: (envelope: Envelope<Call>, times: { timeoutMs: number; untilDeadlineMs: number }) => Promise<Answer>,
): Promise<Settled<Answer>> {
  const { journal, stopper } = runner;
  const { call, permit, timeoutMs } = admitted;
  if (stopper.reason()) return Promise.resolve(neverStarted('STOPPED'));
  const records = journal.carried();
  const times = { timeoutMs, untilDeadlineMs: runner.deadlineMs - Date.now() };
  return new Promise((resolve, reject) => {
    const end = (read: () => Settled<Answer>): void => {
      forget();
      try {
        const settled = read();
        noteStored(journal, records, settled);
        if (settled.outcome !== 'ok') heedStop(stopper, settled.failure);
        resolve(settled);
      } catch (thrown) {
        reject(thrown);
      }
    };
    const forget = stopper.onAbandoned(() => end(() => abandonedCall()));
    stopper
      .run(() => schedule({ call, permit, records }, times))
      .then(
        (answer) => end(() => ({ outcome: 'ok', answer })),
        (thrown: unknown) => end(() => settledBy(thrown)),
      );
  });
}

/** A call may be refused because nothing of its session is to run any more. */
function heedStop(stopper: Stopper, { switchedOn, code }: FailureDetails): void {
  if (switchedOn) stopper.kill(switchedOn);
  if (code === PARENT_GONE) stopper.orphaned();
}

/** What rode along is in the store, or is carried on. */
function noteStored<Answer extends { readonly unstored?: true }>(
  journal: Journal,
  records: readonly AuditRecord[],
  settled: Settled<Answer>,
): void {
  const stored = settled.outcome === 'ok' ? !settled.answer.unstored : settled.failure.stored;
  if (stored) journal.stored(records.at(-1)?.seq ?? -1);
  if (settled.outcome !== 'ok') refuseFork(settled.failure);
}

/** The store has another past of this session than this run has. Going on as if not would spend the same budget twice. */
function refuseFork(failure: FailureDetails): void {
  if (failure.code === 'AUDIT_FORK') throw new LogMoved();
}

/**
 * Makes all records durable, trying until the store takes them or time is up.
 *
 * @returns whether everything is stored
 * @throws LogMoved when the store has other records of this session
 */
export async function flush(
  journal: Journal,
  contractSha256: string,
  giveUpMs: number,
  pause: (ms: number) => Promise<boolean>,
): Promise<boolean> {
  for (let waitMs = STORE_BACKOFF_MS.first; ; waitMs = Math.min(waitMs * 2, STORE_BACKOFF_MS.longest)) {
    const records = journal.appendable();
    const last = records.at(-1);
    if (!last) return true;
    // What a session used is told with its last record.
    const settlement = last.seq + 1 === journal.state().nextSeq ? settlementOf(journal.state()) : {};
    const settled = await settle(runAppend({ call: { contractSha256, ...settlement }, permit: null, records }));
    if (settled.outcome !== 'ok') refuseFork(settled.failure);
    if (settled.outcome === 'ok') journal.stored(last.seq);
    else if (Date.now() + waitMs > giveUpMs || !(await pause(waitMs))) return false;
  }
}

/** What a call is posted at when its real amount is not known: its reservation, or nothing when it never ran. */
export function postedBlind(outcome: CallOutcome, admitted: Admitted<unknown>): WireAmounts {
  return wireAmounts(outcome === 'not_started' ? NOTHING : admitted.reserved);
}

/** What a record says of a failure: its code and status, never anybody's words. */
export function errorOf(failure: FailureDetails): CallError {
  return failure.status === null ? { code: failure.code } : { code: failure.code, status: failure.status };
}
