import { type CelRule, compileCel } from './cel.ts';
import type { ApprovalRule } from './contract.ts';
import { AegrailError, messageOf } from './errors.ts';
import { formatUsd } from './units.ts';
import { isPlainObject } from './values.ts';

/** What a person decides of a request: the one argument of the update and of the signal `decide`. */
export interface DecisionInput {
  /** Id of the request. */
  readonly request: string;
  /** The request's digest: what is approved is just this tool, these arguments, this contract and principal. */
  readonly digest: string;
  readonly decision: 'approve' | 'deny';
  /** Who decides. */
  readonly by: string;
  readonly reason?: string;
}

/** A request that waits for people. */
export interface ApprovalRequest {
  readonly id: string;
  readonly tool: string;
  readonly digest: string;
  readonly quorum: number;
  readonly expiresMs: number;
  /** Who approved so far. */
  readonly approvedBy: readonly string[];
}

/** What a decision makes of a request. */
export type Decided =
  | { readonly kind: 'refused'; readonly why: string }
  | { readonly kind: 'approved' | 'denied' | 'waiting'; readonly request: ApprovalRequest };

/** An approval rule, parsed once. */
export interface CompiledApproval {
  readonly rule: ApprovalRule;
  readonly when: CelRule | null;
  readonly approvers: CelRule | null;
}

/** Longest reason that a person gives, in UTF-16 units. */
const MAX_REASON = 500;
const MAX_BY = 256;
const KEYS = ['request', 'digest', 'decision', 'by', 'reason'];

/** Parses an approval rule. One that does not parse asks always, and lets nobody approve: what decides fails closed. */
export function compileApproval(rule: ApprovalRule): CompiledApproval {
  return {
    rule,
    when: rule.when === null ? null : compiled(rule.when),
    approvers: rule.approvers === null ? null : compiled(rule.approvers, ['approver']),
  };
}

function compiled(expression: string, variables: readonly string[] = []): CelRule {
  try {
    return compileCel(expression, variables);
  } catch (thrown) {
    return () => {
      throw thrown;
    };
  }
}

/**
 * Why a call has to be asked for, in a sentence for whoever decides; null when it need not be. A rule that fails, or answers
 * anything but false, asks.
 *
 * @param used what the session has used or reserved, and those above it before it was started; in nano-USD
 */
export function whyAsked(
  { rule, when }: CompiledApproval,
  facts: { readonly [name: string]: unknown },
  used: { readonly ownNano: number; readonly aboveNano: number },
): string | null {
  const { aboveUsdNano } = rule;
  const usedNano = used.ownNano + used.aboveNano;
  if (aboveUsdNano !== undefined && usedNano > aboveUsdNano) {
    const above = used.aboveNano === 0 ? '' : `, ${formatUsd(used.aboveNano)} of it by those above it`;
    return `The session has used ${formatUsd(usedNano)}${above}, and asks above ${formatUsd(aboveUsdNano)}.`;
  }
  if (when === null) return aboveUsdNano === undefined ? 'Every call of this tool is asked for.' : null;
  try {
    return when(facts) === false ? null : `The rule asks: ${firstLine(rule.when ?? '')}`;
  } catch (thrown) {
    return `The rule failed, and so it asks: ${firstLine(messageOf(thrown))}`;
  }
}

function firstLine(text: string): string {
  return (text.split('\n', 1)[0] ?? '').slice(0, 300).toWellFormed();
}

/**
 * What a person's decision makes of a request. Total: a decision that may not be is `refused`, with a sentence.
 *
 * @param user whom the agent works for
 */
export function decideOn(
  request: ApprovalRequest,
  { rule, approvers }: CompiledApproval,
  { decision, by, digest }: DecisionInput,
  context: { readonly user: string; readonly facts: { readonly [name: string]: unknown }; readonly nowMs: number },
): Decided {
  if (context.nowMs >= request.expiresMs) return { kind: 'refused', why: 'the request has expired' };
  if (digest !== request.digest) return { kind: 'refused', why: 'the digest is that of another call' };
  if (rule.excludeUser && by === context.user)
    return { kind: 'refused', why: 'whom the agent works for may not decide' };
  const why = approvers && mayNot(approvers, { ...context.facts, approver: { id: by } });
  if (why) return { kind: 'refused', why };
  if (decision === 'deny') return { kind: 'denied', request };
  if (request.approvedBy.includes(by)) return { kind: 'refused', why: 'the same person approved it already' };
  const approved = { ...request, approvedBy: [...request.approvedBy, by] };
  return { kind: approved.approvedBy.length >= request.quorum ? 'approved' : 'waiting', request: approved };
}

function mayNot(approvers: CelRule, facts: { readonly [name: string]: unknown }): string | null {
  try {
    return approvers(facts) === true ? null : 'the rule of who may approve says no';
  } catch (thrown) {
    return `the rule of who may approve failed: ${messageOf(thrown).split('\n', 1)[0]?.slice(0, 200)}`;
  }
}

/** Checks a decision, whoever sent it. @throws AegrailError INPUT_INVALID with the field and what would be right */
export function parseDecision(value: unknown): DecisionInput {
  if (!isPlainObject(value)) throw invalid(`it must be one JSON object with ${KEYS.join(', ')}`);
  const unknown = Object.keys(value).some((key) => !KEYS.includes(key));
  if (unknown) throw invalid(`it has a member that is not known; known are ${KEYS.join(', ')}`);
  const { request, digest, decision, by, reason } = value;
  if (!isText(request, 100)) throw invalid('request must be the id of a request');
  if (!isText(digest, 64)) throw invalid('digest must be that of the request');
  if (decision !== 'approve' && decision !== 'deny') throw invalid('decision must be approve or deny');
  if (!isText(by, MAX_BY) || by.trim() === '')
    throw invalid(`by must say who decides, in at most ${MAX_BY} characters`);
  if (reason === undefined) return { request, digest, decision, by };
  if (!isText(reason, MAX_REASON)) throw invalid(`reason must be text of at most ${MAX_REASON} characters`);
  return { request, digest, decision, by, reason };
}

function isText(value: unknown, max: number): value is string {
  return (
    typeof value === 'string' && value !== '' && value.length <= max && value.isWellFormed() && !/\p{Cc}/u.test(value)
  );
}

function invalid(why: string): AegrailError {
  return new AegrailError('INPUT_INVALID', `The decision is invalid: ${why}.`);
}
