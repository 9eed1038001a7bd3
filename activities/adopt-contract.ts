import { Context } from '@temporalio/activity';
import { accountsOf } from '../src/core/account-name.ts';
import { CONTRACT_FORMAT, type Contract, type ModelContract } from '../src/core/contract.ts';
import { AegrailError, messageOf } from '../src/core/errors.ts';
import { atMost } from '../src/core/limits.ts';
import { MESSAGE_OVERHEAD_TOKENS } from '../src/core/model-bound.ts';
import { utf8Bytes } from '../src/core/values.ts';
import type { AdoptCall, Adopted, NotAdopted } from '../src/core/migration.ts';
import type { Envelope } from '../src/calls.ts';
import type { Message } from '../src/providers/message.ts';
import { promptBytes } from '../src/providers/prompt.ts';
import type { Store } from '../src/store/store.ts';
import type { Authority } from './authority.ts';
import type { ContractBook } from './contracts.ts';
import { callFailure } from './failure.ts';
import { loadMessages } from './transcript.ts';

export interface AdoptContractDeps {
  readonly store: Store;
  readonly contracts: ContractBook;
  /** Null: sessions need nobody's signature. */
  readonly authority: Authority | null;
  /** Throws where this worker can't reach a model. */
  readonly model: (contract: ModelContract) => unknown;
}

/** Reads the contract that a session is to go on under from the store, and says whether it may. */
export async function adoptContract(
  deps: AdoptContractDeps,
  { call }: Envelope<AdoptCall>,
): Promise<Adopted | NotAdopted> {
  try {
    return await adopted(deps, call);
  } catch (thrown) {
    throw callFailure('AUDIT_UNAVAILABLE', 'STORE_FAILED', messageOf(thrown), { started: 'no', retryable: true });
  }
}

async function adopted(deps: AdoptContractDeps, call: AdoptCall): Promise<Adopted | NotAdopted> {
  const { contracts, authority } = deps;
  const { sha256, limits, transcript, isDecided } = call;
  const named = `the contract ${sha256.slice(0, 12)}…`;
  const [contract, current] = [await contracts.bySha256(sha256), await contracts.bySha256(call.contractSha256)];
  if (!contract) return { refused: 'CONTRACT_UNKNOWN', why: `${named} is not in the store of this worker` };
  if (contract.format !== CONTRACT_FORMAT)
    return { refused: 'CONTRACT_VERSION', why: `${named} is of a form that this worker does not know` };
  if (!isDecided && current && contract.agent !== current.agent)
    return { refused: 'OTHER_AGENT', why: `${named} is of the agent ${contract.agent}, and not of ${current.agent}` };
  const granted = isDecided ? { grant: contract.limits } : judged(deps, call, contract);
  if ('refused' in granted) return granted;
  return {
    contract,
    contractSha256: sha256,
    grant: atMost(granted.grant, limits),
    promptBytes: promptBytes(contract),
    transcriptTokens: isSameModel(contract, current) ? null : await boundOf(deps.store, transcript),
    authorization: authority ? call.authorization : null,
  };
}

/** Whether a trusted key signed it, where that is asked for, and whether its model can be reached. */
function judged(
  { authority, model }: AdoptContractDeps,
  { sha256, user, authorization: note }: AdoptCall,
  contract: Contract,
): NotAdopted | { readonly grant: Contract['limits'] } {
  const sessionId = sessionIdHere();
  try {
    model(contract.model);
    // Names that are too long are refused here: the workflow puts the session on them.
    accountsOf(contract.accounts, undefined, { user, agent: contract.agent });
    const asked = { contract, contractSha256: sha256, user, sessionId, startedMs: Date.now(), note };
    return { grant: authority?.grant(asked) ?? contract.limits };
  } catch (thrown) {
    if (thrown instanceof AegrailError) return { refused: thrown.code, why: thrown.message.replace(/\.$/, '') };
    throw thrown;
  }
}

/** Whether what was counted so far is counted in the same way. */
function isSameModel({ model }: Contract, before: Contract | null): boolean {
  return (['provider', 'protocol', 'name'] as const).every((member) => model[member] === before?.model[member]);
}

/** Bound of the tokens of a conversation: a byte is never less than a token. */
async function boundOf(store: Store, transcript: string | null): Promise<number> {
  const messages = await loadMessages(store, sessionIdHere(), transcript, []);
  return messages.reduce((sum, message) => sum + boundOfMessage(message), 0);
}

function boundOfMessage(message: Message): number {
  const frames = message.role === 'assistant' ? 1 + message.uses.length : 1;
  return utf8Bytes(JSON.stringify(message)) + MESSAGE_OVERHEAD_TOKENS * frames;
}

function sessionIdHere(): string {
  return Context.current().info.workflowExecution?.workflowId ?? '';
}
