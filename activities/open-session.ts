import { ApplicationFailure, Context } from '@temporalio/activity';
import type { PinnedContract } from '../src/core/contract.ts';
import { AegrailError } from '../src/core/errors.ts';
import { lowerGrant } from '../src/core/limits.ts';
import type { ChainedRecord } from '../src/core/record.ts';
import { parseStartInput, type StartInput } from '../src/core/start-input.ts';
import { foldLog } from '../src/core/stored-log.ts';
import { switchedOnWhy } from '../src/core/switched-on.ts';
import type { Envelope, OpenCall, Opened } from '../src/protocol.ts';
import { promptBytes } from '../src/providers/prompt.ts';
import type { Store } from '../src/store/store.ts';
import type { Logger } from 'pino';
import type { Authority } from './authority.ts';
import type { Bank } from './bank.ts';
import type { ContractBook } from './contracts.ts';
import { callFailure } from './failure.ts';
import type { KillSwitches } from './kill-switches.ts';
import { firstLeases } from './first-leases.ts';
import { keepText } from './transcript.ts';

export interface OpenSessionDeps {
  readonly store: Store;
  readonly contracts: ContractBook;
  /** Null: whoever may start a workflow may start a session. */
  readonly authority: Authority | null;
  readonly switches: KillSwitches;
  readonly bank: Bank;
  readonly logger: Logger;
}

/** Finds the contract of an agent and pins it: from here on the session has it in its history. */
export async function openSession(deps: OpenSessionDeps, { call }: Envelope<OpenCall>): Promise<Opened> {
  const sessionId = Context.current().info.workflowExecution?.workflowId ?? '';
  try {
    const input = parseStartInput(call.input);
    const begun = await deps.store.record(sessionId, 0);
    const resumed = begun && (await resume(deps.store, begun, call.firstRunId));
    const { contract, sha256 } = begun ? await contractOf(deps.contracts, begun) : contractFor(deps.contracts, input);
    // One that has a log goes on, and has its end written: its next call is refused.
    const stopped = begun ? null : await deps.switches.stopping(contract.agent, 'anew');
    if (stopped) throw new AegrailError('KILL_SWITCH_ON', switchedOnWhy(stopped));
    const { user, limits = {}, authorization: note = null } = input;
    const startedMs = begun ? Date.parse(begun.ts) : Date.now();
    const asked = { contract, contractSha256: sha256, user, sessionId, startedMs, note };
    const grant = lowerGrant(deps.authority?.grant(asked) ?? contract.limits, limits);
    const message = await keepText(deps.store, sessionId, input.input.toWellFormed());
    const leases = begun
      ? []
      : await firstLeases(deps, { sessionId, contract, grant, input, messageBytes: message.bytes });
    return {
      contract,
      contractSha256: sha256,
      grant,
      message: { kind: 'user', ...message },
      promptBytes: promptBytes(contract),
      authorization: deps.authority ? note : null,
      ...(leases.length > 0 ? { leases } : {}),
      resumed,
    };
  } catch (thrown) {
    if (thrown instanceof ApplicationFailure) throw thrown;
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

/**
 * A log is begun once: a workflow id that has one already is refused, unless this is a run of the same session, which was
 * reset to before its beginning. That one goes on with the log that there is.
 */
async function resume(store: Store, begun: ChainedRecord, firstRunId: string): Promise<Opened['resumed']> {
  const { session_id, run_id } = begun;
  if (run_id !== firstRunId) {
    throw new AegrailError(
      'SESSION_ID_USED',
      `The session ${session_id} has been already. Start the new one under another id.`,
    );
  }
  const log = await foldLog(store.records(session_id));
  return log && { runId: Context.current().info.workflowExecution?.runId ?? '', log };
}

/** The contract that a session's first record names: a session goes on under the one it began with. */
async function contractOf(contracts: ContractBook, begun: ChainedRecord): Promise<PinnedContract> {
  const sha256 = begun.event === 'session_started' ? begun.payload.contract_sha256 : '';
  const contract = await contracts.bySha256(sha256);
  if (contract) return { contract, sha256 };
  throw new AegrailError(
    'CONTRACT_VERSION',
    `The contract ${sha256.slice(0, 12)}…, which the session began with, is not in the store of this worker.`,
  );
}
