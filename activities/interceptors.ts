import { createHash } from 'node:crypto';
import { type ActivityExecuteInput, type ActivityInboundCallsInterceptor, type Next } from '@temporalio/worker';
import { ApplicationFailure, Context, type Info } from '@temporalio/activity';
import type { Logger } from 'pino';
import { canonicalJson } from '../src/core/canonical.ts';
import { AegrailError, messageOf } from '../src/core/errors.ts';
import type { AuditRecord } from '../src/core/record.ts';
import { type Permit, SESSION_WORKFLOW } from '../src/protocol.ts';
import type { Fanout } from '../src/sinks/fanout.ts';
import type { Store } from '../src/store/store.ts';
import type { ContractBook } from './contracts.ts';
import { type CheckedEnvelope, parseEnvelope } from './envelope.ts';
import { callFailure } from './failure.ts';

/** What admission needs of the worker. */
export interface AdmissionDeps {
  readonly store: Store;
  readonly contracts: ContractBook;
  readonly fanout: Fanout;
  readonly logger: Logger;
}

/** Activities that run an agent's call: they need a permit. The others only read and write the store. */
const CALLS: Readonly<Record<string, Permit['kind']>> = { callModel: 'model', callTool: 'tool' };

/**
 * The second line: before any activity's code runs, its records are made durable and its permit is checked again,
 * against the store and not against what the call says of itself.
 */
export function admissionInterceptor(deps: AdmissionDeps): ActivityInboundCallsInterceptor {
  return {
    async execute(input: ActivityExecuteInput, next: Next<ActivityInboundCallsInterceptor, 'execute'>): Promise<unknown> {
      const { info } = Context.current();
      const envelope = readEnvelope(input.args, info);
      if (info.activityType === 'openSession') return next(input);
      const stored = await makeDurable(deps, info, envelope);
      const kind = CALLS[info.activityType];
      if (kind) await checkPermit(deps, info, envelope, { kind, stored });
      return stored ? next(input) : unstored(() => next(input));
    },
  };
}

function readEnvelope(args: readonly unknown[], info: Info): CheckedEnvelope {
  const problem = info.workflowType === SESSION_WORKFLOW ? null : `a workflow of type ${info.workflowType} asks for it`;
  const envelope = parseEnvelope(args);
  if (problem || 'problem' in envelope) throw refuse(problem ?? (envelope as { problem: string }).problem, false);
  const foreign = envelope.records.find((record) => record.session_id !== info.workflowExecution?.workflowId);
  if (foreign) throw refuse(`it brings a record of another session, ${foreign.session_id}`, false);
  return envelope;
}

/** Appends what rides along. In `required` a call whose admission is not durable does not run. */
async function makeDurable(deps: AdmissionDeps, info: Info, { records, call }: CheckedEnvelope): Promise<boolean> {
  const sessionId = info.workflowExecution?.workflowId ?? '';
  if (records.length === 0) return true;
  try {
    if (await isPastTheEnd(deps.store, sessionId, records)) throw refuse('its session has ended', false);
    const { added } = await deps.store.append(sessionId, records);
    if (added.length > 0) deps.fanout.publish(added);
    return true;
  } catch (thrown) {
    if (thrown instanceof ApplicationFailure) throw thrown;
    if (thrown instanceof AegrailError && thrown.code === 'AUDIT_FORK') {
      throw callFailure('AUDIT_FORK', 'AUDIT_FORK', thrown.message, { started: 'no', stored: false });
    }
    // Storing is all that appendRecords is for.
    const mode = info.activityType === 'appendRecords' ? 'required' : await auditMode(deps, call.contractSha256);
    if (mode === 'required') throw unavailable(thrown);
    deps.logger.warn({ session: sessionId, err: thrown }, 'records could not be stored; audit is best_effort, the call runs');
    return false;
  }
}

/** Whether records go on after the session's last one. Nothing of ours does that: it is a worker that is not ours. */
async function isPastTheEnd(store: Store, sessionId: string, records: readonly AuditRecord[]): Promise<boolean> {
  if (records.slice(0, -1).some(({ event }) => event === 'session_ended')) return true;
  const firstSeq = records[0]?.seq ?? 0;
  return firstSeq > 0 && (await store.record(sessionId, firstSeq - 1))?.event === 'session_ended';
}

/** Lets the workflow know that its records did not arrive, so that it brings them again. */
async function unstored(run: () => Promise<unknown>): Promise<unknown> {
  try {
    return { ...((await run()) as object), unstored: true };
  } catch (thrown) {
    if (!(thrown instanceof ApplicationFailure)) throw thrown;
    const [facts, ...others] = thrown.details ?? [];
    const details = [{ ...(facts as object), stored: false }, ...others];
    throw ApplicationFailure.create({ message: thrown.message, type: thrown.type ?? 'TOOL_FAILED', nonRetryable: true, details });
  }
}

/** A store that is down may hold the contract too: then the careful mode counts. */
async function auditMode(deps: AdmissionDeps, sha256: string | null | undefined): Promise<'required' | 'best_effort'> {
  if (!sha256) return 'required';
  try {
    return (await deps.contracts.bySha256(sha256))?.audit ?? 'required';
  } catch {
    return 'required';
  }
}

async function checkPermit(
  { store }: AdmissionDeps,
  info: Info,
  envelope: CheckedEnvelope,
  expected: { readonly kind: Permit['kind']; readonly stored: boolean },
): Promise<void> {
  const { permit, call, records } = envelope;
  const { kind, stored } = expected;
  const sessionId = info.workflowExecution?.workflowId;
  if (!permit) throw refuse('it has no permit', stored);
  if (permit.kind !== kind || permit.sessionId !== sessionId) throw refuse('its permit is for another call', stored);
  const digest = createHash('sha256').update(canonicalJson({ call, kind, salt: permit.salt })).digest('hex');
  if (digest !== permit.digest) throw refuse('its permit is for other arguments', stored);
  const admission = stored
    ? await store.record(sessionId, permit.seq).catch(unchecked)
    : records.find(({ seq }) => seq === permit.seq);
  if (!admission || !admits(admission, kind, digest)) throw refuse(`no record ${permit.seq} admits it`, stored);
  if (Date.now() >= permit.untilMs) throw refuse('its permit has expired', stored);
  if (stored && !(await store.claim(sessionId, permit.seq).catch(unchecked))) throw refuse('it was started before', stored, 'maybe');
}

function admits(record: AuditRecord, kind: Permit['kind'], digest: string): boolean {
  if (record.event !== 'llm_admitted' && record.event !== 'tool_admitted') return false;
  return record.event === (kind === 'model' ? 'llm_admitted' : 'tool_admitted') && record.payload.digest === digest;
}

function refuse(why: string, stored: boolean, started: 'no' | 'maybe' = 'no'): Error {
  return callFailure('PERMIT_REFUSED', 'PERMIT_REFUSED', `The call was refused by the worker: ${why}.`, { started, stored });
}

/** The store took the records and failed right after: without its word the call does not run. */
function unchecked(thrown: unknown): never {
  const message = `The permit of this call could not be checked, so it did not run: ${messageOf(thrown)}`;
  throw callFailure('AUDIT_UNAVAILABLE', 'AUDIT_UNAVAILABLE', message, { started: 'no', retryable: true });
}

function unavailable(thrown: unknown): Error {
  const message = `The records that admit this call could not be stored, so it did not run: ${messageOf(thrown)}`;
  return callFailure('AUDIT_UNAVAILABLE', 'AUDIT_UNAVAILABLE', message, { started: 'no', stored: false, retryable: true });
}
