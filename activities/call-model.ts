import { Context } from '@temporalio/activity';
import type { LanguageModelV4 } from '@ai-sdk/provider';
import type { Contract, ModelContract } from '../src/core/contract.ts';
import { AegrailError } from '../src/core/errors.ts';
import { checkJson } from '../src/core/json.ts';
import { checkUsage } from '../src/core/usage.ts';
import { utf8Bytes } from '../src/core/values.ts';
import { normaliseUsage } from '../src/pricing/normalise-usage.ts';
import type { AskedCall, Envelope, ModelAnswer, ModelCall } from '../src/protocol.ts';
import { classifyProviderError } from '../src/providers/failure.ts';
import { type Generated, generate, type WrittenCall } from '../src/providers/generate.ts';
import type { Store } from '../src/store/store.ts';
import type { ContractBook } from './contracts.ts';
import { callFailure } from './failure.ts';
import { callSignal, wasCancelled, withHeartbeat } from './heartbeat.ts';
import { appendTurn, loadMessages } from './transcript.ts';

/** Longest answer text, and longest arguments of one call, that go back into workflow history. */
const MAX_TEXT_BYTES = 256 * 1024;
const MAX_ARGS_BYTES = 128 * 1024;
/** All calls of one answer together: a payload of Temporal's may have 2 MB. */
const MAX_ASKED_BYTES = 1024 * 1024;

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
  const generated = await withHeartbeat(() => ask(model, contract, call, messages));
  const asked = readCalls(generated.calls);
  const uses = asked.map(({ id, tool, args }) => ({ id, tool, args: args ?? {} }));
  const text = cutText(generated.text);
  const transcript = await appendTurn(deps.store, sessionId, call.transcript, call.append, { text, uses });
  const { finishReason, body } = generated;
  return { transcript, text: asked.length === 0 ? text : '', asked, finishReason, ...countOf(contract, call, body) };
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

function ready({ model }: CallModelDeps, contract: Contract): LanguageModelV4 {
  try {
    return model(contract.model);
  } catch (thrown) {
    const message = thrown instanceof AegrailError ? thrown.message : String(thrown);
    throw callFailure('MODEL_FAILED', 'PROVIDER_NOT_CONFIGURED', message, { started: 'no' });
  }
}

async function ask(model: LanguageModelV4, contract: Contract, call: ModelCall, messages: Parameters<typeof generate>[1]['messages']): Promise<Generated> {
  const { signal } = callSignal(call.timeoutMs);
  try {
    return await generate(model, { contract, messages, maxOutputTokens: call.maxOutputTokens, signal });
  } catch (thrown) {
    const { code, message, ...facts } = classifyProviderError(thrown, Date.now());
    if (wasCancelled()) throw callFailure('MODEL_FAILED', 'CANCELLED', 'The call was cancelled.', { started: 'maybe', retryable: true });
    throw callFailure('MODEL_FAILED', code, message.slice(0, 1000), facts);
  }
}

/** What was counted, checked against what was reserved. */
function countOf(contract: Contract, call: ModelCall, body: unknown): Pick<ModelAnswer, 'usage' | 'usageProblem'> {
  const { usage, service_tier } = (typeof body === 'object' && body !== null ? body : {}) as Record<string, unknown>;
  const read = normaliseUsage(contract.model.protocol, usage, service_tier);
  if ('missing' in read) return { usage: null, usageProblem: null };
  if ('impossible' in read) return { usage: null, usageProblem: read.impossible };
  const checked = checkUsage(read.usage, { inputTokens: call.inputBoundTokens, outputTokens: call.maxOutputTokens });
  return { usage: read.usage, usageProblem: checked === 'ok' ? null : checked.impossible };
}

function readCalls(calls: readonly WrittenCall[]): AskedCall[] {
  let bytes = 0;
  const seen = new Set<string>();
  return calls.map((call, index) => {
    const id = usableId(call.id, index, seen);
    const size = utf8Bytes(call.json);
    bytes += size;
    const tool = call.tool.slice(0, 256).toWellFormed();
    if (size > MAX_ARGS_BYTES) return { id, tool, args: null, problem: `they have ${size} bytes, and may have ${MAX_ARGS_BYTES}` };
    if (bytes > MAX_ASKED_BYTES) return { id, tool, args: null, problem: 'the calls of this answer are too large together' };
    return { id, tool, ...parsed(call.json) };
  });
}

function parsed(json: string): Pick<AskedCall, 'args' | 'problem'> {
  try {
    // Some models say nothing where they mean no arguments.
    const args: unknown = json.trim() === '' ? {} : JSON.parse(json);
    const problem = checkJson(args);
    return { args: problem ? null : args, problem };
  } catch (thrown) {
    return { args: null, problem: `they are not JSON (${(thrown as Error).message.slice(0, 100).toWellFormed()})` };
  }
}

/** An id of a provider's, or one of ours where its own is missing, odd or not unique. */
function usableId(id: string, index: number, seen: Set<string>): string {
  const usable = /^[\w.:-]{1,128}$/.test(id) && !seen.has(id) ? id : `call_${index}`;
  seen.add(usable);
  return usable;
}

function cutText(text: string): string {
  const bytes = Buffer.from(text.toWellFormed(), 'utf8');
  if (bytes.length <= MAX_TEXT_BYTES) return text.toWellFormed();
  const head = bytes.subarray(0, MAX_TEXT_BYTES).toString('utf8').replace(/\uFFFD+$/, '');
  return `${head}\n… cut at ${MAX_TEXT_BYTES} of ${bytes.length} bytes`;
}
