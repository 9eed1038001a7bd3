import { ApplicationFailure, Context } from '@temporalio/activity';
import { canonicalJson } from '../src/core/canonical.ts';
import type { Grant, PinnedContract } from '../src/core/contract.ts';
import { AegrailError } from '../src/core/errors.ts';
import { lowerGrant } from '../src/core/limits.ts';
import type { ChainedRecord } from '../src/core/record.ts';
import type { Searchable } from '../src/core/searchable.ts';
import { parseNextInput, parseStartInput, refuseAccountId, type StartInput } from '../src/core/start-input.ts';
import { foldLog, type StoredLog } from '../src/core/stored-log.ts';
import { switchedOnWhy } from '../src/core/switched-on.ts';
import type { Envelope, OpenCall, Opened } from '../src/calls.ts';
import { promptBytes } from '../src/providers/prompt.ts';
import type { Store } from '../src/store/store.ts';
import type { Logger } from 'pino';
import type { Authority } from './authority.ts';
import type { Bank } from './bank.ts';
import type { ContractBook } from './contracts.ts';
import { checkStart, type Delegated, delegationOver, readDelegation } from './delegation.ts';
import { callFailure } from './failure.ts';
import type { KillSwitches } from './kill-switches.ts';
import { firstLeases } from './first-leases.ts';
import { keepText } from './transcript.ts';
import { trustedContract } from './trusted-session.ts';

export interface OpenSessionDeps {
  readonly store: Store;
  readonly contracts: ContractBook;
  /** Null: whoever may start a workflow may start a session. */
  readonly authority: Authority | null;
  readonly switches: KillSwitches;
  /** The search attributes that a session may set. Never rejects. */
  readonly searchable: () => Promise<readonly Searchable[]>;
  readonly bank: Bank;
  readonly logger: Logger;
}

/** Finds the contract of an agent and pins it: from here on the session has it in its history. */
export async function openSession(deps: OpenSessionDeps, { call }: Envelope<OpenCall>): Promise<Opened> {
  const sessionId = Context.current().info.workflowExecution?.workflowId ?? '';
  try {
    const begun = await deps.store.record(sessionId, 0);
    const input = begun ? parseNextInput(call.input) : parseStartInput(call.input);
    if (!begun) refuseAccountId(sessionId);
    const resumed = begun && (await resume(deps.store, begun, call.firstRunId));
    const delegated = await delegatedTo(deps, sessionId, input, begun !== null);
    const orphaned = delegated !== null && !delegated.isWaitedFor;
    if (orphaned && resumed?.log.state.ended) throw delegationOver();
    const { contract, sha256 } = resumed
      ? await contractOf(deps, resumed.log)
      : (delegated ?? contractFor(deps.contracts, input));
    // One that has a log goes on, and has its end written: its next call is refused.
    const stopped = resumed ? null : await deps.switches.stopping(contract.agent, 'anew');
    if (stopped) throw new AegrailError('KILL_SWITCH_ON', switchedOnWhy(stopped));
    const { user, limits = {}, authorization: note = null } = input;
    const asked = { contract, contractSha256: sha256, user, sessionId, startedMs: Date.now(), note };
    const grant = resumed
      ? await grantOf(deps, sessionId, resumed.log)
      : ((delegated && grantNow(delegated)) ?? lowerGrant(deps.authority?.grant(asked) ?? contract.limits, limits));
    const message = await keepText(deps.store, sessionId, input.input.toWellFormed());
    // The slice of a sub-agent is covered by what its parent leased.
    const leases =
      begun || delegated
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
      searchable: await deps.searchable(),
      ...(delegated ? { delegated: delegated.from } : {}),
      ...(orphaned ? { orphaned } : {}),
    };
  } catch (thrown) {
    if (thrown instanceof ApplicationFailure) throw thrown;
    const refused = thrown instanceof AegrailError && thrown.code !== 'AUDIT_UNAVAILABLE';
    if (refused) throw callFailure(thrown.code, thrown.code, thrown.message, { started: 'no' });
    throw callFailure('AUDIT_UNAVAILABLE', 'STORE_FAILED', String(thrown), { started: 'no', retryable: true });
  }
}

/** By what right the session of a sub-agent runs; null for one that a person started. */
async function delegatedTo(
  { store, contracts }: OpenSessionDeps,
  sessionId: string,
  { delegation, user, input, agent, ...others }: StartInput,
  isBegun: boolean,
): Promise<Delegated | null> {
  if (!delegation) return null;
  const { session, seq } = delegation;
  const delegated = await readDelegation(store, contracts, sessionId, { session_id: session, seq });
  const isAsSent = delegated.contract.agent === agent && Object.keys(others).length === 0;
  if (!isAsSent) throw delegationOver();
  // One that nobody waits for any more goes on to get an end.
  if (isBegun) return delegated;
  if (!delegated.isWaitedFor) throw delegationOver();
  checkStart(delegated, { user, task: input }, delegation);
  await store.putContract(canonicalJson(delegated.contract));
  return delegated;
}

/** What a sub-agent's session is given: its wall clock began when it was admitted, and ends with its parent's at the latest. */
function grantNow({ grant, untilMs }: Delegated): Grant {
  return { ...grant, wallMs: Math.max(1, Math.min(grant.wallMs, untilMs - Date.now())) };
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

/** The contract that a log names: a session goes on under the one it is held to. */
async function contractOf({ contracts }: OpenSessionDeps, { contractSha256 }: StoredLog): Promise<PinnedContract> {
  const contract = await contracts.bySha256(contractSha256);
  if (contract) return { contract, sha256: contractSha256 };
  throw new AegrailError(
    'CONTRACT_VERSION',
    `The contract ${contractSha256.slice(0, 12)}…, which the session is held to, is not in the store of this worker.`,
  );
}

/** What a session that goes on is granted: what its log says, where that is to be trusted. @throws AegrailError CONTRACT_UNTRUSTED */
async function grantOf(
  { authority, store, contracts }: OpenSessionDeps,
  sessionId: string,
  { state }: StoredLog,
): Promise<Grant> {
  const trusted = authority && (await trustedContract(authority, store, contracts, sessionId));
  if (trusted && 'problem' in trusted)
    throw new AegrailError('CONTRACT_UNTRUSTED', `It can not go on: ${trusted.problem}.`);
  return state.ledger.grant;
}
