import { hash } from 'node:crypto';
import type { Info } from '@temporalio/activity';
import { canonicalJson } from '../src/core/canonical.ts';
import type { AuditRecord } from '../src/core/record.ts';
import type { Permit } from '../src/calls.ts';
import { admits } from '../src/store/append.ts';
import type { Appended, Claim } from '../src/store/store.ts';
import type { CheckedEnvelope } from './envelope.ts';
import { callFailure } from './failure.ts';

/** Activities that run an agent's call: they need a permit, and a record of this event. The others only touch the store. */
const CALLS: Readonly<Record<string, { readonly kind: Permit['kind']; readonly event: Claim['event'] } | undefined>> = {
  callModel: { kind: 'model', event: 'llm_admitted' },
  callTool: { kind: 'tool', event: 'tool_admitted' },
};

const EXPIRED = 'its permit has expired';

/** A permit that holds as far as the call itself can show it, and what the store must say to it. */
export interface Permitted {
  readonly claim: Claim;
  /** Milliseconds since the epoch. */
  readonly untilMs: number;
}

/**
 * Checks all of a permit that needs no store, so that a forger's records don't reach it. What a call says of itself counts
 * for nothing: the digest is computed here.
 *
 * @returns null for an activity that needs no permit
 * @throws ApplicationFailure PERMIT_REFUSED
 */
export function checkPermit(info: Info, { permit, call }: CheckedEnvelope): Permitted | null {
  const needed = CALLS[info.activityType];
  if (!needed) return null;
  const { kind, event } = needed;
  if (!permit) throw refused('it has no permit', false);
  const { seq, salt, untilMs } = permit;
  if (permit.kind !== kind || permit.sessionId !== info.workflowExecution?.workflowId) {
    throw refused('its permit is for another call', false);
  }
  const digest = hash('sha256', canonicalJson({ call, kind, salt }), 'hex');
  if (digest !== permit.digest) throw refused('its permit is for other arguments', false);
  if (Date.now() >= untilMs) throw refused(EXPIRED, false);
  return { claim: { seq, event, digest }, untilMs };
}

/** Checks what the store said to a call's claim. @throws ApplicationFailure PERMIT_REFUSED */
export function checkClaimed(
  { claim, untilMs }: Permitted,
  { claimed, lastSeq }: Appended,
  records: readonly AuditRecord[],
): void {
  // Nothing is appended unless the claim is the first; what rode along may have been there before.
  const stored = (records.at(-1)?.seq ?? -1) <= lastSeq;
  if (claimed === 'not_admitted') throw refused(`no record ${claim.seq} admits it`, stored);
  if (claimed === 'again') throw refused('it was started before', stored, 'maybe');
  // The store may have taken its time.
  if (Date.now() >= untilMs) throw refused(EXPIRED, stored);
}

/**
 * Checks a permit while the store is down: then nobody but the call itself can show the record that admits it.
 *
 * @returns whether that record rides along
 * @throws ApplicationFailure PERMIT_REFUSED when it does, and is not what it must be
 */
export function checkCarried({ claim }: Permitted, records: readonly AuditRecord[]): boolean {
  const admission = records.find(({ seq }) => seq === claim.seq);
  if (admission && !admits(admission, claim)) throw refused(`no record ${claim.seq} admits it`, false);
  return admission !== undefined;
}

/** The failure of a call that is refused. `stored`: whether its records are in the store. */
export function refused(why: string, stored: boolean, started: 'no' | 'maybe' = 'no'): Error {
  const message = `The call was refused by the worker: ${why}.`;
  return callFailure('PERMIT_REFUSED', 'PERMIT_REFUSED', message, { started, stored });
}
