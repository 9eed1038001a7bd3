import { uuid4, workflowInfo } from '@temporalio/workflow';
import { NO_CALLS, type RecentCalls } from '../src/core/loops.ts';
import { compilePolicy } from '../src/core/policy.ts';
import { makePrincipal, type Principal } from '../src/core/principal.ts';
import { wireAmounts, wireLimits } from '../src/core/session-state.ts';
import type { StartInput } from '../src/core/start-input.ts';
import type { StoredLog } from '../src/core/stored-log.ts';
import { AEGRAIL_VERSION, type Opened } from '../src/protocol.ts';
import { watchAccounts } from './accounts.ts';
import type { GuardContext } from './guard.ts';
import { type Journal, openJournal } from './journal.ts';
import { watchLoops } from './loops.ts';
import { predicates } from './predicates.ts';
import { takeOver } from './rejoin.ts';

/** Where people decide. They are opened before the session is. */
export type Desks = Pick<GuardContext, 'approvals' | 'purse'>;

/** Makes the journal, and the first record of this run: the session's own, or that it goes on after a reset. */
export function begin(input: StartInput, opened: Opened, desks: Desks, recent: RecentCalls = NO_CALLS): GuardContext {
  const { contract, contractSha256, resumed } = opened;
  const { workflowId, originalExecutionRunId } = workflowInfo();
  const principal = resumed?.log.principal ?? newPrincipal(input, opened);
  // A run that was reset replays what the first one did, under the id of that one.
  const journal = openJournal(workflowId, principal, originalExecutionRunId);
  desks.approvals.attach(journal);
  if (resumed) goOn(journal, resumed.runId, resumed.log);
  else start(journal, input, opened);
  const policy = compilePolicy(contract, predicates);
  return {
    sessionId: workflowId,
    contract,
    contractSha256,
    policy,
    salt: uuid4(),
    journal,
    loops: watchLoops(contract.loops, recent),
    accounts: watchAccounts(),
    ...desks,
    // What the log says, should this run find that it was reset.
    get principal() {
      return journal.principal();
    },
  };
}

/** The session has a log: another run continued as this one, or this one was reset to before its first record. */
function goOn(journal: Journal, runId: string, log: StoredLog): void {
  const isContinued = workflowInfo().continuedFromExecutionRunId === log.runId && log.inFlight.length === 0;
  if (!isContinued) return takeOver(journal, runId, log);
  journal.rejoin(log.state, runId, log.principal);
  journal.emit('session_continued', { from_run_id: log.runId, to_run_id: runId });
}

function newPrincipal(input: StartInput, { contract, grant }: Opened): Principal {
  const random = uuid4().replaceAll('-', '').slice(0, 12);
  const { agent, version } = contract;
  return makePrincipal({ agent, version, user: input.user, chain: [] }, Date.now(), random, grant.wallMs);
}

/** The session's first record. */
export function start(journal: Journal, input: StartInput, opened: Opened): void {
  const { contract, contractSha256, grant, message, authorization } = opened;
  journal.emit('session_started', {
    contract_sha256: contractSha256,
    limits: wireLimits(grant),
    model: `${contract.model.provider}/${contract.model.name}`,
    tools: Object.keys(contract.tools),
    workflow_id: workflowInfo().workflowId,
    authorization,
    recursion_depth: 0,
    input: { bytes: message.kind === 'user' ? message.bytes : 0 },
    fail_on_kill: input.failOnKill ?? false,
    aegrail_version: AEGRAIL_VERSION,
  });
  for (const { account, n, amounts } of opened.leases ?? [])
    journal.emit('account_leased', { account, n, amounts: wireAmounts(amounts) });
}
