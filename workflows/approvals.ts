import {
  ApplicationFailure,
  currentUpdateInfo,
  defineSignal,
  defineUpdate,
  isCancellation,
  setHandler,
  upsertMemo,
} from '@temporalio/workflow';
import {
  type ApprovalRequest,
  type CompiledApproval,
  decideOn,
  type DecisionInput,
  parseDecision,
} from '../src/core/approval.ts';
import { canonicalJson } from '../src/core/canonical.ts';
import { deadlineMs, usedAmounts } from '../src/core/ledger.ts';
import { celFacts, type Facts } from '../src/core/policy.ts';
import { redactArgs, safeName } from '../src/core/redact.ts';
import type { Denial } from '../src/core/refusals.ts';
import { sha256Hex } from '../src/core/sha256.ts';
import { nanoToUsd } from '../src/core/units.ts';
import { utf8Bytes } from '../src/core/values.ts';
import type { AskedCall } from '../src/calls.ts';
import { DECIDE, type DecisionResult, type WaitingApproval } from '../src/protocol.ts';
import type { approvalNeeded, GuardContext } from './guard.ts';
import type { Journal } from './journal.ts';
import { onlyArgument } from './only-argument.ts';
import { flush, type Runner } from './runner.ts';
import { within } from './within.ts';

/** Answers by which a decision that comes again is known in the next run: within one Temporal knows them. */
const ANSWERS_CARRIED = 20;

/** What was answered to decisions, by the ids of their updates: what one run of a session hands to the next. */
export type AnswersState = readonly (readonly [updateId: string, answer: DecisionResult])[];

/** A request that waits, and all that is needed to decide it. */
interface Open {
  request: ApprovalRequest;
  readonly compiled: CompiledApproval;
  readonly facts: Facts;
  readonly shown: unknown;
  readonly why: string;
  readonly usdUsed: number;
  readonly callId: string;
  denial: Denial | null;
  settled: boolean;
}

/** What people are asked. */
export interface Approvals {
  attach(journal: Journal): void;
  waiting(): readonly WaitingApproval[];
  /** What the next run needs. */
  state(): AnswersState;
  /**
   * Asks, and waits for days if need be.
   *
   * @returns null when enough people approved; why not; or that the session is being stopped
   */
  ask(guard: GuardContext, runner: Runner, asked: AskedCall, needed: Needed): Promise<Denial | 'stopped' | null>;
}

/** What a call is asked for with: the rule, what it sees, and why it asks. */
type Needed = Exclude<ReturnType<typeof approvalNeeded>, null>;

/**
 * Opens the desk at which people decide, before anything else is done: an update that meets no handler is refused.
 *
 * @param carried what the run before had
 */
export function openApprovals(carried: AnswersState): Approvals {
  const open = new Map<string, Open>();
  const answers = new Map(carried);
  let journal: Journal | null = null;

  const find = (input: DecisionInput): Open => {
    const found = open.get(input.request);
    if (found && !found.settled) return found;
    throw refusedBy(
      `There is no request ${safeName(input.request)} that waits: it was decided, has expired, or never was.`,
    );
  };
  const decide = (input: DecisionInput, updateId = ''): DecisionResult => {
    // Sent again, for its answer was lost with the run that gave it.
    const known = answers.get(updateId);
    if (known) return known;
    const one = find(input);
    const { principal } = one.facts;
    const context = { user: principal.user, facts: celFacts(one.facts), nowMs: Date.now() };
    const decided = decideOn(one.request, one.compiled, input, context);
    const { request, digest, decision, by, reason = null } = input;
    const why = decided.kind === 'refused' ? decided.why : null;
    journal?.emit('approval_decided', { request, digest, decision, by, reason, outcome: decided.kind, why });
    if (decided.kind === 'refused') throw refusedBy(`The decision changes nothing: ${decided.why}.`);
    one.request = decided.request;
    one.settled = decided.kind !== 'waiting';
    if (decided.kind === 'denied')
      one.denial = { reason: 'approval_denied', why: `${by} said no${reason === null ? '' : `: ${reason}`}.` };
    const { approvedBy, quorum } = one.request;
    const answer = { request, outcome: decided.kind, approvedBy, quorum };
    if (updateId !== '') answers.set(updateId, answer);
    const [oldest] = answers.keys();
    if (answers.size > ANSWERS_CARRIED && oldest !== undefined) answers.delete(oldest);
    return answer;
  };

  const onUpdate = (input: DecisionInput): DecisionResult => decide(parseDecision(input), currentUpdateInfo()?.id);
  setHandler(defineUpdate<DecisionResult, [DecisionInput]>(DECIDE), onUpdate, {
    description:
      'Decides of a call that waits: {"request", "digest", "decision": "approve" or "deny", "by", "reason"}. The query session lists them.',
    validator: (...args) => {
      const input = onlyArgument(args, parseDecision);
      if (!answers.has(currentUpdateInfo()?.id ?? '')) find(input);
    },
  });
  setHandler(
    defineSignal<unknown[]>(DECIDE),
    (...args) => {
      try {
        decide(onlyArgument(args, parseDecision));
      } catch {
        // Nobody hears an answer to a signal. What was a decision is recorded; the session is not harmed.
      }
      journal?.leaveTrace();
    },
    { description: 'The same without an answer: for when no worker is up.' },
  );

  return {
    attach(opened) {
      journal = opened;
    },
    waiting: () => [...open.values()].filter(({ settled }) => !settled).map(shownOf),
    state: () => [...answers],
    async ask(guard, runner, asked, needed) {
      const one = requested(guard, asked, needed);
      const { request } = one;
      open.set(request.id, one);
      guard.journal.touch();
      upsertMemo({ approvals: open.size });
      try {
        const answered = await untilSettled(guard, runner, one);
        if (runner.stopper.reason()) return 'stopped';
        if (answered) return one.denial;
        guard.journal.emit('approval_expired', { request: request.id });
        return { reason: 'approval_expired', why: 'Nobody who may decided in time.' };
      } catch (thrown) {
        if (isCancellation(thrown)) return 'stopped';
        throw thrown;
      } finally {
        open.delete(request.id);
        guard.journal.touch();
        upsertMemo({ approvals: open.size });
      }
    },
  };
}

/**
 * Waits for a decision, as long as the request does. Those that change nothing are recorded too: what comes to be too much for one
 * call is stored meanwhile.
 *
 * @returns whether it is decided, or the session is being stopped
 */
async function untilSettled({ journal, contractSha256 }: GuardContext, runner: Runner, one: Open): Promise<boolean> {
  const { stopper, deadlineMs: giveUpMs } = runner;
  const { tool, expiresMs } = one.request;
  const isOver = (): boolean => one.settled || stopper.reason() !== null;
  for (;;) {
    const isStored = await flush(journal, contractSha256, giveUpMs, stopper.pause);
    const isFull = (): boolean => isStored && journal.overfull();
    await within(() => isOver() || isFull(), expiresMs - Date.now(), `approval of ${safeName(tool)}`);
    if (!isFull()) return isOver();
  }
}

/** Makes a request, and records it. */
function requested(guard: GuardContext, asked: AskedCall, { compiled, facts, why }: Needed): Open {
  const { journal, contract, contractSha256, principal, salt, sessionId } = guard;
  const { nextSeq, ledger } = journal.state();
  const { quorum, expiresMs, show } = compiled.rule;
  const bound = { sessionId, contractSha256, principal: principal.id, tool: asked.tool, args: asked.args, salt };
  const request: ApprovalRequest = {
    id: `apr_${nextSeq}`,
    tool: asked.tool,
    digest: sha256Hex(canonicalJson({ ...bound, callId: asked.id })),
    quorum,
    expiresMs: Math.min(Date.now() + expiresMs, deadlineMs(ledger)),
    approvedBy: [],
  };
  const args = redactArgs(asked.args, contract.tools[asked.tool]?.redact ?? null);
  const callId = safeName(asked.id);
  const { id, tool, digest } = request;
  const expires_at = new Date(request.expiresMs).toISOString();
  journal.emit('approval_requested', { request: id, tool, call_id: callId, digest, args, quorum, expires_at });
  return {
    request,
    compiled,
    facts,
    shown: show === 'full' ? showable(asked.args) : args,
    why,
    usdUsed: nanoToUsd(usedAmounts(facts.ledger).usdNano),
    callId,
    denial: null,
    settled: false,
  };
}

/** Longest arguments that a request shows, in bytes of JSON: a hundred requests must fit into the answer of one query. */
const MAX_SHOWN_BYTES = 16_384;

function showable(args: unknown): unknown {
  const bytes = utf8Bytes(JSON.stringify(args));
  return bytes <= MAX_SHOWN_BYTES ? args : `[${bytes} bytes, too long to show]`;
}

function shownOf({ request, shown, why, usdUsed, callId }: Open): WaitingApproval {
  const { id, tool, digest, quorum, approvedBy, expiresMs } = request;
  return {
    request: id,
    tool,
    callId,
    digest,
    args: shown,
    why,
    usdUsed,
    quorum,
    approvedBy,
    expiresAt: new Date(expiresMs).toISOString(),
  };
}

function refusedBy(why: string): ApplicationFailure {
  return ApplicationFailure.nonRetryable(why, 'APPROVAL_REFUSED');
}
