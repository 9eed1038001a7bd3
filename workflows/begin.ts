import { uuid4, workflowInfo } from '@temporalio/workflow';
import { deadlineMs, NOTHING } from '../src/core/ledger.ts';
import type { Admission } from '../src/core/lost-call.ts';
import { NO_CALLS, type RecentCalls } from '../src/core/loops.ts';
import { makePrincipal, type Principal } from '../src/core/principal.ts';
import { wireAmounts, wireLimits } from '../src/core/session-state.ts';
import type { StartInput } from '../src/core/start-input.ts';
import type { StoredLog } from '../src/core/stored-log.ts';
import type { Opened } from '../src/calls.ts';
import { AEGRAIL_VERSION } from '../src/protocol.ts';
import { watchAccounts } from './accounts.ts';
import type { GuardContext } from './guard.ts';
import { type Journal, openJournal } from './journal.ts';
import { takeOver } from './rejoin.ts';
import { holdTerms } from './terms.ts';

/** Where people decide. They are opened before the session is. */
export type Desks = Pick<GuardContext, 'approvals' | 'purse' | 'migrations'>;

/** Makes the journal, and the first record of this run: the session's own, or that it goes on after a reset. */
export function begin(input: StartInput, opened: Opened, desks: Desks, recent: RecentCalls = NO_CALLS): GuardContext {
  const { resumed } = opened;
  const { workflowId, originalExecutionRunId } = workflowInfo();
  const principal = resumed?.log.principal ?? newPrincipal(input, opened);
  // A run that was reset replays what the first one did, under the id of that one.
  const journal = openJournal(workflowId, principal, originalExecutionRunId);
  desks.approvals.attach(journal);
  if (resumed) goOn(journal, resumed.runId, resumed.log);
  else start(journal, input, opened);
  const terms = holdTerms(opened, recent);
  return {
    sessionId: workflowId,
    terms,
    get contract() {
      return terms.now().contract;
    },
    get contractSha256() {
      return terms.now().contractSha256;
    },
    get promptBytes() {
      return terms.now().promptBytes;
    },
    get policy() {
      return terms.now().policy;
    },
    get loops() {
      return terms.now().loops;
    },
    salt: uuid4(),
    above: opened.delegated?.above ?? [],
    journal,
    accounts: watchAccounts(),
    ...desks,
    // What the log says, should this run find that it was reset, or that it has more time.
    get principal() {
      return { ...journal.principal(), expiresMs: deadlineMs(journal.state().ledger) };
    },
  };
}

/**
 * The session has a log: another run continued as this one, or this one was reset to before its first record. A reset run has
 * the predecessor of the one that it was reset from; but that may have been found dead, and its accounts settled.
 */
function goOn(journal: Journal, runId: string, log: StoredLog): void {
  const { continuedFromExecutionRunId, originalExecutionRunId } = workflowInfo();
  const isNext = continuedFromExecutionRunId === log.runId && originalExecutionRunId === runId;
  const isContinued = isNext && !log.state.ended && log.inFlight.every(isOfAgent);
  if (!isContinued) return takeOver(journal, runId, log);
  journal.rejoin(log.state, runId, log.principal);
  journal.emit('session_continued', { from_run_id: log.runId, to_run_id: runId });
}

/** Whether the run that was opened had been reset before, and goes on with the log of the one that it was reset from. */
export function isTakenOver({ resumed }: Opened): boolean {
  return resumed !== null && resumed.runId !== workflowInfo().originalExecutionRunId;
}

/** The session of another agent outlives the run that started it. */
function isOfAgent(admission: Admission): boolean {
  return admission.event === 'tool_admitted' && admission.payload.agent !== undefined;
}

function newPrincipal(input: StartInput, { contract, grant, delegated }: Opened): Principal {
  const random = uuid4().replaceAll('-', '').slice(0, 12);
  const { agent, version } = contract;
  const chain = delegated?.chain ?? [];
  return makePrincipal({ agent, version, user: input.user, chain }, Date.now(), random, grant.wallMs);
}

/** The session's first record. */
function start(journal: Journal, input: StartInput, opened: Opened): void {
  const { contract, contractSha256, grant, message, authorization, delegated } = opened;
  journal.emit('session_started', {
    contract_sha256: contractSha256,
    limits: wireLimits(grant),
    model: `${contract.model.provider}/${contract.model.name}`,
    tools: Object.keys(contract.tools),
    workflow_id: workflowInfo().workflowId,
    authorization,
    recursion_depth: delegated?.depth ?? 0,
    ...(delegated ? { parent: delegated.parent, chain: delegated.chain } : {}),
    ...(delegated?.facts ? { above: delegated.facts } : {}),
    input: { bytes: message.kind === 'user' ? message.bytes : 0 },
    fail_on_kill: input.failOnKill ?? false,
    aegrail_version: AEGRAIL_VERSION,
  });
  for (const { account, n, amounts } of opened.leases ?? [])
    journal.emit('account_leased', { account, n, amounts: wireAmounts(amounts) });
}

/**
 * The first record of a run that was reset, where none is stored. Accounts may have found it dead by then, and leased what it
 * had to others: it has to ask them again.
 */
export function startAnew(journal: Journal, input: StartInput, opened: Opened): void {
  const leases = opened.leases?.map((lease) => ({ ...lease, amounts: NOTHING }));
  start(journal, input, leases ? { ...opened, leases } : opened);
}
