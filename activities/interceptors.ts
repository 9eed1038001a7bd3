import { type ActivityExecuteInput, type ActivityInboundCallsInterceptor, type Next } from '@temporalio/worker';
import { ApplicationFailure, Context, type Info } from '@temporalio/activity';
import type { Logger } from 'pino';
import { AegrailError, messageOf } from '../src/core/errors.ts';
import { ACCOUNT_WORKFLOW, SESSION_WORKFLOW } from '../src/protocol.ts';
import type { Fanout } from '../src/sinks/fanout.ts';
import type { Appended, Store } from '../src/store/store.ts';
import { type Ancestors, refuseOrphan, refuseSettled } from './ancestors.ts';
import type { Authority } from './authority.ts';
import type { ContractBook } from './contracts.ts';
import { type CheckedEnvelope, parseEnvelope } from './envelope.ts';
import { callFailure } from './failure.ts';
import { withHeartbeat } from './heartbeat.ts';
import { type KillSwitches, refuseSwitchedOn } from './kill-switches.ts';
import { checkCarried, checkClaimed, checkPermit, type Permitted, refused } from './permit.ts';
import { type TrustCheck, trustCheck } from './trusted-session.ts';

/** What admission needs of the worker. */
export interface AdmissionDeps {
  readonly store: Store;
  readonly contracts: ContractBook;
  readonly fanout: Fanout;
  readonly logger: Logger;
  /** Null: sessions need nobody's signature. */
  readonly authority: Authority | null;
  readonly switches: KillSwitches;
  readonly ancestors: Ancestors;
}

/**
 * The second line: before any activity's code runs, its permit is checked, and in one transaction of the store its records
 * are made durable, the record that admits it is looked at, and it is claimed.
 */
export function admissionInterceptor(deps: AdmissionDeps): ActivityInboundCallsInterceptor {
  const trust = deps.authority && trustCheck(deps.authority, deps.store, deps.contracts);
  return {
    async execute(
      input: ActivityExecuteInput,
      next: Next<ActivityInboundCallsInterceptor, 'execute'>,
    ): Promise<unknown> {
      const { info } = Context.current();
      const envelope = readEnvelope(input.args, info);
      if (info.activityType === 'openSession' || isOfAccount(info)) return next(input);
      const run = (): Promise<unknown> => execute(deps, trust, info, envelope, () => next(input));
      // From the beginning: a worker that waits for a slow store is not dead, and the call that it holds has not begun.
      return envelope.permit ? withHeartbeat(run) : run();
    },
  };
}

/** Admits an activity, and runs it. */
async function execute(
  deps: AdmissionDeps,
  trust: TrustCheck | null,
  info: Info,
  envelope: CheckedEnvelope,
  run: () => Promise<unknown>,
): Promise<unknown> {
  await refuseUntrusted(trust, info, envelope);
  const permitted = checkPermit(info, envelope);
  if (permitted) await refuseOrphan(deps.ancestors, envelope.permit?.above);
  if (permitted) await refuseSwitchedOn(deps, envelope.call.contractSha256, () => isBestEffort(deps, envelope));
  const stored = await admit(deps, info, envelope, permitted);
  if (permitted) await refuseSettled(deps.ancestors, info.workflowExecution?.workflowId ?? '', envelope.permit?.above);
  return stored ? run() : unstored(run);
}

/** What an account may ask for, and nobody else. It runs nothing of an agent's, and writes nothing. */
const FOR_ACCOUNTS: ReadonlySet<string> = new Set(['accountWindow', 'lookAtHolders']);

function isOfAccount({ workflowType, activityType }: Info): boolean {
  return workflowType === ACCOUNT_WORKFLOW && FOR_ACCOUNTS.has(activityType);
}

function readEnvelope(args: readonly unknown[], info: Info): CheckedEnvelope {
  const isRight = isOfAccount(info) || (info.workflowType === SESSION_WORKFLOW && !FOR_ACCOUNTS.has(info.activityType));
  const problem = isRight ? null : `a workflow of type ${info.workflowType} asks for it`;
  const envelope = parseEnvelope(args);
  if (problem || 'problem' in envelope) throw refused(problem ?? (envelope as { problem: string }).problem, false);
  const foreign = envelope.records.find((record) => record.session_id !== info.workflowExecution?.workflowId);
  if (foreign) throw refused(`it brings a record of another session, ${foreign.session_id}`, false);
  refuseOtherRun(envelope, info);
  return envelope;
}

/** @throws ApplicationFailure PERMIT_REFUSED */
async function refuseUntrusted(trust: TrustCheck | null, info: Info, envelope: CheckedEnvelope): Promise<void> {
  if (!trust) return;
  const sessionId = info.workflowExecution?.workflowId ?? '';
  const problem = await trust(sessionId, envelope).catch((thrown: unknown) => {
    throw unavailable(thrown);
  });
  if (problem) throw refused(problem, false);
}

/**
 * A run that was reset does not know it: it replays as the run that it was reset from. Before anything of it runs, it has to
 * learn what the session has spent by then.
 */
function refuseOtherRun({ records }: CheckedEnvelope, { workflowExecution }: Info): void {
  if (records.every(({ run_id }) => run_id === workflowExecution?.runId)) return;
  const why = `It brings records of another run than its own, ${workflowExecution?.runId}: the session was reset.`;
  throw callFailure('AUDIT_FORK', 'AUDIT_FORK', why, { started: 'no', stored: false });
}

/**
 * Appends what rides along, and claims the call. In `required` a call whose admission is not durable does not run.
 *
 * @returns whether the records are in the store
 */
async function admit(
  deps: AdmissionDeps,
  info: Info,
  envelope: CheckedEnvelope,
  permitted: Permitted | null,
): Promise<boolean> {
  const { records } = envelope;
  const sessionId = info.workflowExecution?.workflowId ?? '';
  if (records.length === 0 && !permitted) return true;
  let appended: Appended;
  try {
    appended = await deps.store.append(sessionId, records, permitted?.claim);
  } catch (thrown) {
    refuseForeign(thrown);
    if (!(await runsUnstored(deps, envelope, permitted))) throw unavailable(thrown);
    deps.logger.warn(
      { session: sessionId, err: thrown },
      'records could not be stored; audit is best_effort, the call runs',
    );
    return false;
  }
  if (appended.added.length > 0) deps.fanout.publish(appended.added);
  if (permitted) checkClaimed(permitted, appended, records);
  return true;
}

/** The store works, and these records are not what it has: a run that was reset, or a worker that is not ours. */
function refuseForeign(thrown: unknown): void {
  if (!(thrown instanceof AegrailError)) return;
  if (thrown.code === 'SESSION_ENDED') throw refused('its session has ended', false);
  if (thrown.code !== 'AUDIT_FORK') return;
  throw callFailure('AUDIT_FORK', 'AUDIT_FORK', thrown.message, { started: 'no', stored: false });
}

/** Whether a call may run while the store is down. Storing is all that appendRecords is for: it has no permit. */
async function runsUnstored(
  deps: AdmissionDeps,
  { call, records }: CheckedEnvelope,
  permitted: Permitted | null,
): Promise<boolean> {
  if (!permitted || !(await isBestEffort(deps, { call }))) return false;
  return checkCarried(permitted, records);
}

/** Lets the workflow know that its records did not arrive, so that it brings them again. */
async function unstored(run: () => Promise<unknown>): Promise<unknown> {
  try {
    return { ...((await run()) as object), unstored: true };
  } catch (thrown) {
    if (!(thrown instanceof ApplicationFailure)) throw thrown;
    const [facts, ...others] = thrown.details ?? [];
    const details = [{ ...(facts as object), stored: false }, ...others];
    throw ApplicationFailure.create({
      message: thrown.message,
      type: thrown.type ?? 'TOOL_FAILED',
      nonRetryable: true,
      details,
    });
  }
}

/** A store that is down may hold the contract too: then the careful mode counts. */
async function isBestEffort({ contracts }: AdmissionDeps, { call }: Pick<CheckedEnvelope, 'call'>): Promise<boolean> {
  if (!call.contractSha256) return false;
  try {
    return (await contracts.bySha256(call.contractSha256))?.audit === 'best_effort';
  } catch {
    return false;
  }
}

function unavailable(thrown: unknown): Error {
  const message = `The records that admit this call could not be stored, so it did not run: ${messageOf(thrown)}`;
  return callFailure('AUDIT_UNAVAILABLE', 'AUDIT_UNAVAILABLE', message, {
    started: 'no',
    stored: false,
    retryable: true,
  });
}
