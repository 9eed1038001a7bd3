import { Command } from 'commander';
import { AEGRAIL_VERSION } from '../protocol.ts';
import { addAccounts } from './accounts.ts';
import { addApprovals } from './approvals.ts';
import { addApprove, addDeny } from './approve.ts';
import { addAudit } from './audit.ts';
import { addCancel } from './cancel.ts';
import { addContract } from './contract.ts';
import { addCodecServer } from './codec-server.ts';
import { addDecide } from './decide.ts';
import { addEnd } from './end.ts';
import type { Invocation } from './invocation.ts';
import { addKeys } from './keys.ts';
import { addKillSwitch } from './kill-switch.ts';
import { addMigrate } from './migrate.ts';
import { addPause, addResume } from './pause.ts';
import { addPayloadKey } from './payload-key.ts';
import { addSchedule } from './schedule.ts';
import { addSearchAttributes } from './search-attributes.ts';
import { addSend } from './send.ts';
import { addSessions } from './sessions.ts';
import { addShow } from './show.ts';
import { addStart } from './start.ts';
import type { Terminal } from './terminal.ts';
import { addTopUp } from './topup.ts';
import { addUp } from './up.ts';
import { addWatch } from './watch.ts';
import { addWitness } from './witness.ts';
import { addWorker } from './worker.ts';

/** The whole command line. What a command needs beyond its options it loads when it runs: `--help` must be quick. */
export function buildProgram(terminal: Terminal, endWith: (exitCode: number) => void): Command {
  const program = new Command('aegrail')
    .description(
      'The runtime contract for AI agents: budgets, permissions, cancellation and a log that verifies, on Temporal.',
    )
    .version(AEGRAIL_VERSION)
    .exitOverride()
    .showSuggestionAfterError()
    // Errors are told in one place, run.ts, and not here as well.
    .configureOutput({
      writeOut: (text) => void terminal.line(text.replace(/\n$/, '')).catch(() => undefined),
      writeErr: (text) => terminal.say(text.replace(/\n$/, '')),
      outputError: () => undefined,
    })
    .addHelpText(
      'after',
      '\nExit codes: 0 done, 1 the thing asked about is bad, 2 wrong use, 3 no Temporal server.\n\nExample:\n  aegrail up\n  aegrail start support-bot --user ann@acme.com --input "Where is my order?" --wait',
    );
  const invocation: Invocation = { terminal, endWith };
  for (const add of [
    addUp,
    addWorker,
    addStart,
    addSessions,
    addShow,
    addWatch,
    addSend,
    addTopUp,
    addAccounts,
    addApprovals,
    addApprove,
    addDeny,
    addPause,
    addResume,
    addMigrate,
    addEnd,
    addCancel,
    addKillSwitch,
    addSchedule,
    addSearchAttributes,
    addDecide,
    addAudit,
    addCodecServer,
    addPayloadKey,
    addKeys,
    addContract,
    addWitness,
  ]) {
    add(program, invocation);
  }
  return program;
}
