import {
  type Client,
  type WorkflowExecutionDescription,
  WorkflowExecutionAlreadyStartedError,
  WorkflowFailedError,
  type WorkflowHandle,
} from '@temporalio/client';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { type AccountsClient, accountsOfQueue } from './client/accounts.ts';
import { migrateTo, postMigration } from './client/migrate.ts';
import { changePause, postPause } from './client/pause.ts';
import { codeOf, readable } from './client/readable.ts';
import { schedulesOf, type Schedules } from './client/schedules.ts';
import { decideTo, firstReplyOf, postTo, sendTo, topUpTo } from './client/say.ts';
import { cancelOf, endOf } from './client/stop.ts';
import { isNotFound } from './client/updated.ts';
import { viewOf } from './client/view.ts';
import type { DecisionInput } from './core/approval.ts';
import { AegrailError } from './core/errors.ts';
import { plainMarkdown } from './core/markdown.ts';
import type { MigrationInput, MigrationResult } from './core/migration.ts';
import type { OperatorInput } from './core/operator-input.ts';
import {
  parseSessionId,
  parseStartInput,
  refuseAccountId,
  refuseSubAgentId,
  type StartInput,
} from './core/start-input.ts';
import type { TopUpInput } from './core/top-up.ts';
import {
  type DecisionResult,
  DEFAULT_TASK_QUEUE,
  type PauseResult,
  type Reply,
  SESSION_WORKFLOW,
  type SessionResult,
  type SessionView,
  type TopUpResult,
} from './protocol.ts';

/** What a session is started with by a program. */
export interface StartOptions extends StartInput {
  /** The session's id, and the workflow's. The same id twice is one session. Made up when left out. */
  readonly session?: string;
}

/** One session, running or ended. */
export interface Session {
  readonly id: string;
  /**
   * Waits for the end. Killed and cancelled sessions have a result too.
   *
   * @throws AegrailError with the code of what failed, SESSION_UNKNOWN when there is no such session
   */
  result(): Promise<SessionResult>;
  /**
   * The session now: its ledger, what it does, and its records from `fromSeq` as far as they are at hand. A worker answers, in 5 s at most.
   *
   * @throws AegrailError SESSION_OPENING until a worker has opened it, SESSION_SILENT when none answers, SESSION_UNKNOWN
   */
  view(fromSeq?: number): Promise<SessionView>;
  /** What Temporal knows of it: no worker is needed for that. @throws AegrailError SESSION_UNKNOWN */
  readonly describe: () => Promise<WorkflowExecutionDescription>;
  /**
   * Says something to a session that was started as a conversation, and waits for its answer, or for how the session ended
   * instead. The same id twice is one message.
   *
   * @throws AegrailError MESSAGE_REFUSED, INPUT_INVALID, SESSION_UNKNOWN
   */
  send(text: string, options?: { readonly id?: string }): Promise<Reply>;
  /** The same without an answer, and without a worker: it is read when one is up. @returns the message's id */
  post(text: string, options?: { readonly id?: string }): Promise<string>;
  /** The answer to the message that a conversation was started with, as {@link send} has it of others. */
  firstReply(): Promise<Reply>;
  /**
   * Decides of a call that waits for people: {@link SessionView.approvals} lists them, with the digest that must come back.
   *
   * @throws AegrailError APPROVAL_REFUSED, INPUT_INVALID, SESSION_UNKNOWN
   */
  decide(decision: DecisionInput): Promise<DecisionResult>;
  /**
   * Pauses it: what is in flight ends, and no call of a model or a tool is begun until {@link resume}. Its wall clock goes
   * on. Pausing what is paused changes nothing. With `wait: false` it is done as soon as a worker is up, and null is returned.
   *
   * @throws AegrailError INPUT_INVALID, SESSION_ENDED, SESSION_UNKNOWN
   */
  pause(given: OperatorInput, options?: { readonly wait?: boolean }): Promise<PauseResult | null>;
  /** Lets it go on: as {@link pause}. */
  resume(given: OperatorInput, options?: { readonly wait?: boolean }): Promise<PauseResult | null>;
  /**
   * Raises its budget, where the contract's `budget` asks at the limit instead of killing.
   *
   * @throws AegrailError TOPUP_REFUSED, INPUT_INVALID, SESSION_UNKNOWN
   */
  topUp(topUp: TopUpInput): Promise<TopUpResult>;
  /**
   * Moves it to another contract of its worker's store, between two steps: it may have to wait, for an approval perhaps.
   * `aegrail migrate` puts the contract there. With `wait: false` it is done when a worker is up, and null is returned.
   *
   * @throws AegrailError MIGRATION_REFUSED, INPUT_INVALID, SESSION_UNKNOWN
   */
  migrate(migration: MigrationInput, options?: { readonly wait?: boolean }): Promise<MigrationResult | null>;
  /**
   * Ends a conversation, after the turn that runs.
   *
   * @throws AegrailError END_REFUSED for a session that ends with its answer, SESSION_ENDED, SESSION_UNKNOWN
   */
  end(): Promise<void>;
  /**
   * Cancels it: what is in flight is stopped, and recorded. A reason goes into Temporal's request, in clear: with a payload
   * codec it is left out.
   *
   * @throws AegrailError SESSION_ENDED, SESSION_UNKNOWN
   */
  cancel(reason?: string): Promise<void>;
  /** Temporal's own handle, for all else. */
  readonly handle: WorkflowHandle;
}

/** Starts and follows sessions through a Temporal client. */
export class Aegrail {
  readonly #client: Client;
  readonly #taskQueue: string;
  /** Budgets of tenants, users and agents, which sessions lease from. */
  readonly accounts: AccountsClient;

  constructor(client: Client, options: { readonly taskQueue?: string } = {}) {
    this.#client = client;
    this.#taskQueue = options.taskQueue ?? DEFAULT_TASK_QUEUE;
    this.accounts = accountsOfQueue(client, this.#taskQueue);
  }

  /**
   * Starts a session, or finds the one of the same id.
   *
   * @throws AegrailError INPUT_INVALID before anything is sent; SESSION_ID_USED when the id is another agent's or user's
   */
  async start({ session, ...given }: StartOptions): Promise<Session> {
    // What a caller in TypeScript left undefined was not given.
    const input = parseStartInput(Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)));
    const workflowId = session === undefined ? newSessionId(Date.now()) : parseSessionId(session);
    refuseAccountId(workflowId);
    refuseSubAgentId(workflowId);
    try {
      await this.#client.workflow.start(SESSION_WORKFLOW, {
        taskQueue: this.#taskQueue,
        workflowId,
        workflowIdReusePolicy: 'REJECT_DUPLICATE',
        workflowIdConflictPolicy: 'USE_EXISTING',
        args: [input],
        memo: { agent: input.agent, user: input.user },
        staticSummary: plainMarkdown(`${input.agent} for ${input.user}`),
      });
    } catch (thrown) {
      if (!(thrown instanceof WorkflowExecutionAlreadyStartedError)) throw thrown;
    }
    const started = this.session(workflowId);
    if (session !== undefined) await refuseAnothers(started, input);
    return started;
  }

  /** Sessions that start by themselves. */
  get schedules(): Schedules {
    return schedulesOf(this.#client, this.#taskQueue);
  }

  /** A session by its id. Whether there is one shows when it is asked. */
  session(id: string): Session {
    parseSessionId(id);
    const handle = this.#client.workflow.getHandle(id);
    return {
      id,
      handle,
      result: () => known(id, () => resultOf(handle)),
      view: (fromSeq) => known(id, () => viewOf(this.#client, handle, fromSeq)),
      describe: () => known(id, () => handle.describe()),
      send: (text, options) => known(id, () => sendTo(handle, text, options)),
      firstReply: () => known(id, () => firstReplyOf(handle)),
      post: (text, options) => known(id, () => postTo(this.#client, handle, text, options)),
      decide: (decision) => known(id, () => decideTo(handle, decision)),
      pause: (given, options) => known(id, () => changed(handle, 'pause', given, options?.wait)),
      resume: (given, options) => known(id, () => changed(handle, 'resume', given, options?.wait)),
      topUp: (topUp) => known(id, () => topUpTo(handle, topUp)),
      migrate: (migration, options) =>
        known(id, () => (options?.wait === false ? postMigration : migrateTo)(handle, migration)),
      end: () => known(id, () => endOf(this.#client, handle)),
      cancel: (reason) => known(id, () => cancelOf(this.#client, handle, reason)),
    };
  }
}

async function changed(
  handle: WorkflowHandle,
  change: 'pause' | 'resume',
  given: OperatorInput,
  wait = true,
): Promise<PauseResult | null> {
  if (wait) return changePause(handle, change, given);
  await postPause(handle, change, given);
  return null;
}

/** The same id twice is one session, but nobody is handed the session of somebody else. */
async function refuseAnothers({ id, describe }: Session, { agent, user }: StartInput): Promise<void> {
  const { memo } = await describe();
  const whose = { agent: memo?.['agent'] ?? agent, user: memo?.['user'] ?? user };
  if (whose.agent === agent && whose.user === user) return;
  throw new AegrailError(
    'SESSION_ID_USED',
    `The session ${id} is there already, of another agent or for another user.`,
  );
}

/** An id as in a principal: `sess_<ms>_<rand>`. */
export function newSessionId(nowMs: number): string {
  return `sess_${nowMs}_${globalThis.crypto.randomUUID().replaceAll('-', '').slice(0, 12)}`;
}

async function resultOf(handle: WorkflowHandle): Promise<SessionResult> {
  try {
    return readable(handle, (await handle.result()) as SessionResult, 'outcome');
  } catch (thrown) {
    if (!(thrown instanceof WorkflowFailedError)) throw thrown;
    const { cause } = thrown;
    const [result] = ((cause as { details?: unknown[] } | undefined)?.details ?? []) as SessionResult[];
    if (cause instanceof CancelledFailure) {
      // Temporal's command that cancels a workflow takes no details: the session left its result in its memo.
      const left = result ?? ((await handle.describe()).memo?.['result'] as SessionResult | undefined);
      if (left) return readable(handle, left, 'outcome');
    }
    if (cause instanceof ApplicationFailure && cause.type === 'SESSION_KILLED' && result)
      return readable(handle, result, 'outcome');
    if (cause instanceof ApplicationFailure)
      throw new AegrailError(codeOf(cause.type), cause.message, { cause: thrown });
    throw new AegrailError('SESSION_LOST', `The session did not end by itself: ${cause?.message ?? thrown.message}`, {
      cause: thrown,
    });
  }
}

async function known<T>(id: string, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (thrown) {
    if (isNotFound(thrown)) throw new AegrailError('SESSION_UNKNOWN', `There is no session ${id}.`, { cause: thrown });
    throw thrown;
  }
}
