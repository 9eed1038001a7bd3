import { Context } from '@temporalio/activity';
import type { PinnedContract } from '../src/core/contract.ts';
import { AegrailError } from '../src/core/errors.ts';
import { lowerGrant } from '../src/core/limits.ts';
import { parseStartInput, type StartInput } from '../src/core/start-input.ts';
import type { Envelope, OpenCall, Opened } from '../src/protocol.ts';
import { promptBytes } from '../src/providers/prompt.ts';
import type { Store } from '../src/store/store.ts';
import type { ContractBook } from './contracts.ts';
import { callFailure } from './failure.ts';
import { keepText } from './transcript.ts';

export interface OpenSessionDeps {
  readonly store: Store;
  readonly contracts: ContractBook;
}

/** Finds the contract of an agent and pins it: from here on the session has it in its history. */
export async function openSession(deps: OpenSessionDeps, { call }: Envelope<OpenCall>): Promise<Opened> {
  const sessionId = Context.current().info.workflowExecution?.workflowId ?? '';
  try {
    const input = parseStartInput(call.input);
    const { contract, sha256 } = contractFor(deps.contracts, input);
    const grant = lowerGrant(contract.limits, input.limits ?? {});
    await refuseUsedId(deps.store, sessionId, call.firstRunId);
    const message = await keepText(deps.store, sessionId, input.input.toWellFormed());
    return {
      contract,
      contractSha256: sha256,
      grant,
      message: { kind: 'user', ...message },
      promptBytes: promptBytes(contract),
    };
  } catch (thrown) {
    const refused = thrown instanceof AegrailError && thrown.code !== 'AUDIT_UNAVAILABLE';
    if (refused) throw callFailure(thrown.code, thrown.code, thrown.message, { started: 'no' });
    throw callFailure('AUDIT_UNAVAILABLE', 'STORE_FAILED', String(thrown), { started: 'no', retryable: true });
  }
}

function contractFor(contracts: ContractBook, { agent, version }: StartInput): PinnedContract {
  const pinned = contracts.forAgent(agent);
  if (!pinned) {
    const known = contracts.agents.join(', ') || 'none';
    throw new AegrailError(
      'AGENT_UNKNOWN',
      `There is no agent ${JSON.stringify(agent)} here. The agents are: ${known}.`,
    );
  }
  const has = pinned.contract.version;
  if (version === undefined || version === has) return pinned;
  throw new AegrailError(
    'CONTRACT_VERSION',
    `The agent ${agent} is at version ${has} here, and ${version} was asked for.`,
  );
}

/** A log is begun once: a workflow id that has one already, by another run, is refused. */
async function refuseUsedId(store: Store, sessionId: string, firstRunId: string): Promise<void> {
  const first = await store.record(sessionId, 0);
  if (!first) return;
  const begunBy = first.event === 'session_started' ? first.payload.run_id : null;
  if (begunBy === firstRunId) return;
  throw new AegrailError(
    'SESSION_ID_USED',
    `The session ${sessionId} has been already. Start the new one under another id.`,
  );
}
