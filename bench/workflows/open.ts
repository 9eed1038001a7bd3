import { CancellationScope, uuid4, workflowInfo } from '@temporalio/workflow';
import { deadlineMs } from '../../src/core/ledger.ts';
import { compilePolicy } from '../../src/core/policy.ts';
import { makePrincipal } from '../../src/core/principal.ts';
import { wireLimits } from '../../src/core/session-state.ts';
import type { StartInput } from '../../src/core/start-input.ts';
import { AEGRAIL_VERSION } from '../../src/protocol.ts';
import { type Desk, publishView } from '../../workflows/desk.ts';
import type { GuardContext } from '../../workflows/guard.ts';
import { openJournal } from '../../workflows/journal.ts';
import { runOpen } from '../../workflows/proxies.ts';
import type { Runner } from '../../workflows/runner.ts';
import { createStopper } from '../../workflows/stopper.ts';

/** A session that is open and has no conversation: the real guard, journal, runner and desk. */
export interface OpenSession {
  readonly guard: GuardContext;
  readonly runner: Runner;
  readonly desk: Desk;
}

/** Opens a session as workflows/session.ts does, so that a benchmark can run what it likes in it. */
export async function openBenchSession(input: StartInput): Promise<OpenSession> {
  const { workflowId, runId, firstExecutionRunId } = workflowInfo();
  const root = CancellationScope.current();
  const opened = await runOpen({ call: { input, firstRunId: firstExecutionRunId }, permit: null, records: [] });
  const { contract, contractSha256, grant } = opened;
  const random = uuid4().replaceAll('-', '').slice(0, 12);
  const who = { agent: contract.agent, version: contract.version, user: input.user, chain: [] };
  const principal = makePrincipal(who, Date.now(), random, grant.wallMs);
  const journal = openJournal(workflowId, principal);
  journal.emit('session_started', {
    contract_sha256: contractSha256,
    limits: wireLimits(grant),
    model: `${contract.model.provider}/${contract.model.name}`,
    tools: Object.keys(contract.tools),
    workflow_id: workflowId,
    run_id: runId,
    recursion_depth: 0,
    input: { bytes: input.input.length },
    fail_on_kill: false,
    aegrail_version: AEGRAIL_VERSION,
  });
  const policy = compilePolicy(contract, {});
  const guard = { sessionId: workflowId, contract, contractSha256, policy, principal, salt: uuid4(), journal };
  const stopper = createStopper(root, grant.wallMs, () => {});
  const runner = { journal, stopper, contractSha256, deadlineMs: deadlineMs(journal.state().ledger) };
  return { guard, runner, desk: publishView(guard) };
}
