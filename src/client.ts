import {
  type Client,
  type WorkflowExecutionDescription,
  WorkflowExecutionAlreadyStartedError,
  WorkflowFailedError,
  type WorkflowHandle,
  WorkflowNotFoundError,
} from '@temporalio/client';
import { ApplicationFailure, CancelledFailure } from '@temporalio/common';
import { AegrailError, type ErrorCode, ERROR_CODES } from './core/errors.ts';
import { plainMarkdown } from './core/markdown.ts';
import { parseSessionId, parseStartInput, type StartInput } from './core/start-input.ts';
import {
  DEFAULT_TASK_QUEUE,
  SESSION_QUERY,
  SESSION_WORKFLOW,
  type SessionResult,
  type SessionView,
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
  /** The session now: its ledger, what it does, and its records from `fromSeq` as far as they are at hand. */
  view(fromSeq?: number): Promise<SessionView>;
  /** What Temporal knows of it: no worker is needed for that. @throws AegrailError SESSION_UNKNOWN */
  readonly describe: () => Promise<WorkflowExecutionDescription>;
  /**
   * Cancels it: what is in flight is stopped, and recorded. A reason goes into Temporal's request, in clear: with a payload
   * codec it is left out.
   */
  cancel(reason?: string): Promise<void>;
  /** Temporal's own handle, for all else. */
  readonly handle: WorkflowHandle;
}

/** Starts and follows sessions through a Temporal client. */
export class Aegrail {
  readonly #client: Client;
  readonly #taskQueue: string;

  constructor(client: Client, options: { readonly taskQueue?: string } = {}) {
    this.#client = client;
    this.#taskQueue = options.taskQueue ?? DEFAULT_TASK_QUEUE;
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

  /** A session by its id. Whether there is one shows when it is asked. */
  session(id: string): Session {
    parseSessionId(id);
    const handle = this.#client.workflow.getHandle(id);
    return {
      id,
      handle,
      result: () => known(id, () => resultOf(handle)),
      view: (fromSeq) => known(id, () => viewOf(handle, fromSeq)),
      describe: () => known(id, () => handle.describe()),
      cancel: (reason) => known(id, () => requestCancel(this.#client, id, reason)),
    };
  }
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

async function viewOf(handle: WorkflowHandle, fromSeq?: number): Promise<SessionView> {
  const view = await handle.query<SessionView, [number?]>(SESSION_QUERY, fromSeq);
  return readable(handle, view, 'principal');
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

/** A payload that the client has no key for comes as a value that says why, and not as what it should be. */
function readable<T extends object>({ workflowId }: WorkflowHandle, value: T, member: keyof T & string): T {
  if (member in value) return value;
  const why = 'why' in value ? String(value.why) : 'it is something else';
  throw new AegrailError(
    'PAYLOAD_UNREADABLE',
    `What Temporal holds of ${workflowId} can not be read (${why}). If it is encrypted, give the keys of the worker: the contract file's encryption, or AEGRAIL_PAYLOAD_KEYS.`,
  );
}

function codeOf(type: string | null | undefined): ErrorCode {
  return type && Object.hasOwn(ERROR_CODES, type) ? (type as ErrorCode) : 'SESSION_LOST';
}

/** The SDK's own cancel takes no reason. Temporal has it as plain text, which no codec sees. */
async function requestCancel(client: Client, workflowId: string, reason: string | undefined): Promise<void> {
  const { payloadCodecs } = client.options.loadedDataConverter;
  await client.workflowService.requestCancelWorkflowExecution({
    namespace: client.options.namespace,
    workflowExecution: { workflowId },
    identity: client.options.identity,
    requestId: globalThis.crypto.randomUUID(),
    reason: reason !== undefined && payloadCodecs.length === 0 ? reason : 'aegrail cancel',
  });
}

async function known<T>(id: string, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (thrown) {
    const missing = thrown instanceof WorkflowNotFoundError || (thrown as { code?: unknown } | null)?.code === 5;
    if (missing) throw new AegrailError('SESSION_UNKNOWN', `There is no session ${id}.`, { cause: thrown });
    throw thrown;
  }
}
