import { Context } from '@temporalio/activity';
import type { LanguageModelV4 } from '@ai-sdk/provider';
import type { Contract, ModelContract } from '../src/core/contract.ts';
import { AegrailError } from '../src/core/errors.ts';
import { checkUsage } from '../src/core/usage.ts';
import { normaliseUsage } from '../src/pricing/normalise-usage.ts';
import type { Envelope, ModelAnswer, ModelCall } from '../src/calls.ts';
import { classifyProviderError } from '../src/providers/failure.ts';
import { type Generated, generate } from '../src/providers/generate.ts';
import type { Store } from '../src/store/store.ts';
import { MAX_CALLS, readCalls, wireName } from './asked-calls.ts';
import type { ContractBook } from './contracts.ts';
import { callFailure } from './failure.ts';
import { callSignal, refuseCancelled, wasCancelled } from './heartbeat.ts';
import { appendTurn, keepSummary, loadMessages } from './transcript.ts';

/** Longest answer text that goes back into workflow history. */
const MAX_TEXT_BYTES = 256 * 1024;
/** Longest finish reason, and other words of a provider's, in UTF-16 units. */
const MAX_WORD = 64;
const MAX_PROBLEM = 300;

export interface CallModelDeps {
  readonly store: Store;
  readonly contracts: ContractBook;
  readonly model: (contract: ModelContract) => LanguageModelV4;
}

/** Asks the model once. What was said is kept in the store; the workflow gets references, counts, and asked calls. */
export async function callModel(deps: CallModelDeps, { call }: Envelope<ModelCall>): Promise<ModelAnswer> {
  const sessionId = Context.current().info.workflowExecution?.workflowId ?? '';
  const contract = await pinned(deps, call.contractSha256);
  const messages = await loadMessages(deps.store, sessionId, call.transcript, call.append).catch(storeFailed);
  const model = ready(deps, contract);
  const generated = await ask(model, contract, call, messages);
  refuseTooMany(generated);
  // What is asked for beside a summary is not called, and not repeated to the model.
  const asked = call.purpose === 'summary' ? [] : readCalls(generated.calls);
  const uses = asked.map(({ id, tool, args }) => ({ id, tool: wireName(tool), args: args ?? {} }));
  const text = cutText(generated.text);
  const transcript = await appendTurn(deps.store, sessionId, call.transcript, call.append, { text, uses }).catch(
    answerLost,
  );
  const finishReason = short(generated.finishReason, MAX_WORD);
  const counted = countOf(contract, call, generated.body);
  if (call.purpose !== 'summary')
    return { transcript, text: asked.length === 0 ? text : '', asked, finishReason, ...counted };
  const summary = text.trim() === '' ? null : await keepSummary(deps.store, sessionId, text).catch(answerLost);
  return { transcript, text: '', asked, finishReason, ...counted, ...(summary && { summary }) };
}

async function pinned({ contracts }: CallModelDeps, sha256: string): Promise<Contract> {
  const contract = await contracts.bySha256(sha256).catch(storeFailed);
  if (contract) return contract;
  const message = `The contract ${sha256.slice(0, 12)}… is not in the store of this worker.`;
  throw callFailure('PERMIT_REFUSED', 'CONTRACT_UNKNOWN', message, { started: 'no' });
}

function storeFailed(thrown: unknown): never {
  throw callFailure('AUDIT_UNAVAILABLE', 'STORE_FAILED', String(thrown), { started: 'no', retryable: true });
}

/** The answer was paid for, and can not be kept: it is asked for again, and paid for again. */
function answerLost(thrown: unknown): never {
  throw callFailure('AUDIT_UNAVAILABLE', 'ANSWER_LOST', String(thrown), { retryable: true });
}

function refuseTooMany({ calls }: Generated): void {
  if (calls.length <= MAX_CALLS) return;
  const message = `The answer asks for ${calls.length} tool calls at once; ${MAX_CALLS} are the most.`;
  throw callFailure('MODEL_FAILED', 'TOO_MANY_CALLS', message, { status: 200 });
}

function ready({ model }: CallModelDeps, contract: Contract): LanguageModelV4 {
  try {
    return model(contract.model);
  } catch (thrown) {
    const message = thrown instanceof AegrailError ? thrown.message : String(thrown);
    throw callFailure('MODEL_FAILED', 'PROVIDER_NOT_CONFIGURED', message, { started: 'no' });
  }
}

async function ask(
  model: LanguageModelV4,
  contract: Contract,
  call: ModelCall,
  messages: Parameters<typeof generate>[1]['messages'],
): Promise<Generated> {
  refuseCancelled('MODEL_FAILED');
  const { signal } = callSignal(call.timeoutMs);
  const { maxOutputTokens } = call;
  const mayCall = call.purpose !== 'summary';
  try {
    return await generate(model, { contract, messages, maxOutputTokens, mayCall, signal });
  } catch (thrown) {
    const { code, message, ...facts } = classifyProviderError(thrown, Date.now());
    if (wasCancelled())
      throw callFailure('MODEL_FAILED', 'CANCELLED', 'The call was cancelled.', { started: 'maybe', retryable: true });
    throw callFailure('MODEL_FAILED', code, message.slice(0, 1000), facts);
  }
}

/** What was counted, checked against what was reserved. */
function countOf(contract: Contract, call: ModelCall, body: unknown): Pick<ModelAnswer, 'usage' | 'usageProblem'> {
  const { usage, service_tier } = (typeof body === 'object' && body !== null ? body : {}) as Record<string, unknown>;
  const read = normaliseUsage(contract.model.protocol, usage, service_tier);
  if ('missing' in read) return { usage: null, usageProblem: null };
  if ('impossible' in read) return { usage: null, usageProblem: short(read.impossible, MAX_PROBLEM) };
  const checked = checkUsage(read.usage, { inputTokens: call.inputBoundTokens, outputTokens: call.maxOutputTokens });
  // They are a provider's words, and go into a record: a lone surrogate there could never be stored.
  const modifiers = Object.fromEntries(
    Object.entries(read.usage.modifiers).map(([name, value]) => [name, short(value, MAX_WORD)]),
  );
  return {
    usage: { ...read.usage, modifiers },
    usageProblem: checked === 'ok' ? null : short(checked.impossible, MAX_PROBLEM),
  };
}

/** A piece of a provider's text that history and records can hold. */
function short(text: string, most: number): string {
  return text.slice(0, most).toWellFormed();
}

function cutText(text: string): string {
  const bytes = Buffer.from(text.toWellFormed(), 'utf8');
  if (bytes.length <= MAX_TEXT_BYTES) return text.toWellFormed();
  const head = bytes
    .subarray(0, MAX_TEXT_BYTES)
    .toString('utf8')
    .replace(/\uFFFD+$/, '');
  return `${head}\n… cut at ${MAX_TEXT_BYTES} of ${bytes.length} bytes`;
}
