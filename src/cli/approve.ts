import type { Command } from 'commander';
import { AegrailError } from '../core/errors.ts';
import type { ServerChoice } from '../temporal/settings.ts';
import type { Invocation } from './invocation.ts';
import { withExample, withJson, withServer } from './options.ts';
import { describeSession } from './session-state.ts';
import type { Terminal } from './terminal.ts';
import { printable } from './text.ts';
import { waitingFor, WORKER } from './waiting.ts';
import { withClient } from './with-client.ts';

interface Options extends ServerChoice {
  readonly by: string;
  readonly reason?: string;
  readonly digest?: string;
  readonly json?: true;
}

/** Adds `aegrail approve`. */
export function addApprove(program: Command, invocation: Invocation): void {
  addDecision(program, invocation, 'approve', 'let a call run that waits for people');
}

/** Adds `aegrail deny`. */
export function addDeny(program: Command, invocation: Invocation): void {
  addDecision(program, invocation, 'deny', 'refuse a call that waits for people: the agent is told, and why');
}

function addDecision(
  program: Command,
  { terminal }: Invocation,
  decision: 'approve' | 'deny',
  description: string,
): void {
  const command = program
    .command(decision)
    .description(description)
    .argument('<id>', 'the session')
    .argument('<request>', 'the request, as "aegrail approvals" lists it')
    .requiredOption('--by <who>', 'who decides')
    .option('--reason <text>', 'why')
    .option(
      '--digest <hex>',
      "the request's digest, where you saw it: anything else is refused (otherwise what it is now)",
    )
    .action((id: string, request: string, options: Options) => decide(decision, id, request, options, terminal));
  withServer(command);
  withJson(command, 'one JSON document');
  withExample(
    command,
    `aegrail ${decision} sess_1795000000000_3f2a9c81d4e7 apr_5 --by bob@acme.com --reason "checked"`,
  );
}

async function decide(
  decision: 'approve' | 'deny',
  id: string,
  request: string,
  { by, reason, digest, json, ...choice }: Options,
  terminal: Terminal,
): Promise<void> {
  await withClient(choice, terminal, async ({ aegrail }) => {
    const session = aegrail.session(id);
    await describeSession(session);
    const waiting = (await waitingFor(session.view(), WORKER, terminal)).approvals;
    const found = waiting.find((one) => one.request === request);
    if (!found) {
      const known = waiting.map((one) => one.request).join(', ') || 'none';
      throw new AegrailError(
        'APPROVAL_REFUSED',
        `The session ${id} has no request ${request} that waits; there are: ${known}.`,
      );
    }
    const given = { request, digest: digest ?? found.digest, decision, by };
    const asked = session.decide(reason === undefined ? given : { ...given, reason });
    const decided = await waitingFor(asked, WORKER, terminal);
    if (json) return terminal.line(JSON.stringify({ sessionId: id, ...decided }));
    const count = decided.outcome === 'waiting' ? ` (${decided.approvedBy.length} of ${decided.quorum})` : '';
    return terminal.line(printable(`${found.tool}, ${request}: ${decided.outcome}${count}`));
  });
}
