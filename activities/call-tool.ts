import { Context } from '@temporalio/activity';
import type { Logger } from 'pino';
import type { Contract, ToolContract } from '../src/core/contract.ts';
import { AegrailError } from '../src/core/errors.ts';
import type { Envelope, ToolAnswer, ToolCall } from '../src/calls.ts';
import type { Store } from '../src/store/store.ts';
import type { ToolFailure, ToolOutcome } from '../src/tools/failure.ts';
import { limitText } from '../src/tools/limit.ts';
import type { Toolbox } from '../src/tools/toolbox.ts';
import type { ContractBook } from './contracts.ts';
import { callFailure } from './failure.ts';
import { callSignal, refuseCancelled, wasCancelled } from './heartbeat.ts';
import { keepText } from './transcript.ts';

export interface CallToolDeps {
  readonly store: Store;
  readonly contracts: ContractBook;
  readonly toolbox: Toolbox;
  readonly logger: Logger;
}

/** Runs a tool once. Its text is kept in the store for the model; the workflow gets a reference and a size. */
export async function callTool(deps: CallToolDeps, { call }: Envelope<ToolCall>): Promise<ToolAnswer> {
  const sessionId = Context.current().info.workflowExecution?.workflowId ?? '';
  const { contract, tool } = await pinned(deps, call);
  const { signal, deadlineMs, graceMs } = callSignal(call.timeoutMs);
  const logger = deps.logger.child({ session: sessionId, tool: call.tool });
  const { principal, idempotencyKey } = call;
  const context = { signal, deadlineMs, principal, sessionId, idempotencyKey, logger };
  const maxBytes = contract.maxResultBytes;
  const run = (): Promise<ToolOutcome> =>
    deps.toolbox.run(tool, call.args, { ...context, maxBytes }).catch(notConfigured);
  refuseCancelled('TOOL_FAILED');
  const ended = await orLetGo(signal, graceMs, run());
  if (ended === 'let go') throw await failureOf(deps, sessionId, wasCancelled() ? ABANDONED : TIMED_OUT);
  const outcome = ended;
  if (!outcome.ok) throw await failureOf(deps, sessionId, outcome.failure);
  const text = limitText(outcome.result.text, maxBytes);
  const kept = await keepText(deps.store, sessionId, text).catch(resultLost);
  return { ...kept, isError: outcome.result.isError, shown: shownOf(tool, text) };
}

async function pinned(
  { contracts }: CallToolDeps,
  call: ToolCall,
): Promise<{ contract: Contract; tool: ToolContract }> {
  const contract = await contracts.bySha256(call.contractSha256).catch(storeFailed);
  const tool = contract && Object.hasOwn(contract.tools, call.tool) ? contract.tools[call.tool] : undefined;
  if (contract && tool) return { contract, tool };
  const message = `The contract ${call.contractSha256.slice(0, 12)}… of the store has no tool ${call.tool}.`;
  throw callFailure('PERMIT_REFUSED', 'TOOL_UNKNOWN', message, { started: 'no' });
}

/** Nothing ran yet, so it can be tried again when the store is back. */
function storeFailed(thrown: unknown): never {
  throw callFailure('AUDIT_UNAVAILABLE', 'AUDIT_UNAVAILABLE', String(thrown), { started: 'no', retryable: true });
}

/** The tool ran, and what it said is lost: only an idempotent one is asked again. */
function resultLost(thrown: unknown): never {
  throw callFailure('AUDIT_UNAVAILABLE', 'RESULT_LOST', String(thrown), { retryable: true });
}

/** A session's contract may name what this worker's file has no more, such as an MCP server. */
function notConfigured(thrown: unknown): never {
  if (!(thrown instanceof AegrailError)) throw thrown;
  throw callFailure('TOOL_FAILED', 'TOOL_NOT_CONFIGURED', thrown.message, { started: 'no' });
}

type Failed = Pick<ToolFailure, 'started' | 'retryable' | 'message'> & {
  readonly code: ToolFailure['code'] | 'abandoned';
};

const IGNORED = 'The tool was told to stop and did not answer: it may have taken effect.';
const ABANDONED: Failed = { code: 'abandoned', started: 'maybe', retryable: false, message: IGNORED };
const TIMED_OUT: Failed = { code: 'timeout', started: 'maybe', retryable: true, message: IGNORED };

/** What a tool that was cancelled may still take to say something. */
const CANCELLED_GRACE_MS = 500;

/**
 * A tool that does not listen to its signal runs on: it is let go, and said to be of unknown end, rather than waited
 * for. The little time is for those that do listen and have something to say.
 */
async function orLetGo(
  signal: AbortSignal,
  graceMs: number,
  running: Promise<ToolOutcome>,
): Promise<ToolOutcome | 'let go'> {
  // Taken here: a listener runs outside the activity's context, and what it throws ends the worker's process.
  const { cancellationSignal } = Context.current();
  let timer: NodeJS.Timeout | undefined;
  const letGo = new Promise<'let go'>((resolve) => {
    const waitMs = (): number => (cancellationSignal.aborted ? CANCELLED_GRACE_MS : graceMs);
    const later = (): void => void (timer = setTimeout(() => resolve('let go'), waitMs()));
    if (signal.aborted) later();
    else signal.addEventListener('abort', later, { once: true });
  });
  try {
    return await Promise.race([running, letGo]);
  } finally {
    clearTimeout(timer);
  }
}

/** A failed tool, with what the model is told of it. */
async function failureOf({ store }: CallToolDeps, sessionId: string, failure: Failed): Promise<Error> {
  const { started, retryable, message } = failure;
  // A tool only knows that its signal was aborted: whether by a cancellation or by its own timeout is known here.
  const code = failure.code === 'cancelled' && !wasCancelled() ? 'timeout' : failure.code;
  // A store that is down must not hide how the tool ended.
  const told = await keepText(store, sessionId, JSON.stringify({ error: 'ToolFailed', code, why: message })).catch(
    () => null,
  );
  // The words of a tool may hold anything: history gets the code, the store the words.
  const facts = { started: started === 'no' ? ('no' as const) : ('maybe' as const), retryable, told };
  return callFailure('TOOL_FAILED', code.toUpperCase(), `The tool failed: ${code}.`, facts);
}

function shownOf({ redact }: ToolContract, text: string): string | null {
  return redact.showResult ? limitText(text, 1024) : null;
}
