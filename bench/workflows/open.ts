import { CancellationScope, workflowInfo } from '@temporalio/workflow';
import { deadlineMs } from '../../src/core/ledger.ts';
import type { StartInput } from '../../src/core/start-input.ts';
import { openApprovals } from '../../workflows/approvals.ts';
import { openPurse } from '../../workflows/purse.ts';
import { begin } from '../../workflows/begin.ts';
import { type Desk, publishView } from '../../workflows/desk.ts';
import type { GuardContext } from '../../workflows/guard.ts';
import { openMigrations } from '../../workflows/migrate.ts';
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
  const { firstExecutionRunId } = workflowInfo();
  const root = CancellationScope.current();
  const opened = await runOpen({ call: { input, firstRunId: firstExecutionRunId }, permit: null, records: [] });
  const guard = begin(input, opened, {
    approvals: openApprovals([]),
    purse: openPurse(null),
    migrations: openMigrations([]),
  });
  const { journal, contractSha256 } = guard;
  const stopper = createStopper(root, opened.grant.wallMs, () => {});
  const runner = { journal, stopper, contractSha256, deadlineMs: deadlineMs(journal.state().ledger) };
  return { guard, runner, desk: publishView(guard, { isIdle: () => false }) };
}
