import { uuid4, workflowInfo } from '@temporalio/workflow';
import { compilePolicy } from '../src/core/policy.ts';
import { makePrincipal, type Principal } from '../src/core/principal.ts';
import { wireLimits } from '../src/core/session-state.ts';
import type { StartInput } from '../src/core/start-input.ts';
import { AEGRAIL_VERSION, type Opened } from '../src/protocol.ts';
import type { GuardContext } from './guard.ts';
import { type Journal, openJournal } from './journal.ts';
import { predicates } from './predicates.ts';
import { takeOver } from './rejoin.ts';

/** Makes the journal, and the first record of this run: the session's own, or that it goes on after a reset. */
export function begin(input: StartInput, opened: Opened): GuardContext {
  const { contract, contractSha256, resumed } = opened;
  const { workflowId, originalExecutionRunId } = workflowInfo();
  const principal = resumed?.log.principal ?? newPrincipal(input, opened);
  // A run that was reset replays what the first one did, under the id of that one.
  const journal = openJournal(workflowId, principal, originalExecutionRunId);
  if (resumed) takeOver(journal, resumed.runId, resumed.log);
  else start(journal, input, opened);
  const policy = compilePolicy(contract, predicates);
  return {
    sessionId: workflowId,
    contract,
    contractSha256,
    policy,
    salt: uuid4(),
    journal,
    // What the log says, should this run find that it was reset.
    get principal() {
      return journal.principal();
    },
  };
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
}
