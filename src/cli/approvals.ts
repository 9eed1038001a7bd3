import type { Command } from 'commander';
import { messageOf } from '../core/errors.ts';
import { DEFAULT_TASK_QUEUE, SESSION_WORKFLOW, type WaitingApproval } from '../protocol.ts';
import type { ServerChoice } from '../temporal/settings.ts';
import { readConfigIfThere } from './config.ts';
import { EXIT } from './exit-codes.ts';
import type { Invocation } from './invocation.ts';
import { withConfig, withExample, withJson, withServer } from './options.ts';
import { describeSession } from './session-state.ts';
import { table } from './table.ts';
import { moment, printable } from './text.ts';
import { waitingFor, WORKER } from './waiting.ts';
import { type Clients, withClient } from './with-client.ts';

interface Options extends ServerChoice {
  readonly config?: string;
  readonly json?: true;
}

/** A request, and the session that waits for it. */
interface Listed extends WaitingApproval {
  readonly sessionId: string;
  readonly user: string;
}

const COLUMNS = [
  { head: 'session' },
  { head: 'request' },
  { head: 'tool' },
  { head: 'user' },
  { head: 'approved' },
  { head: 'expires (UTC)' },
  { head: 'usd so far', align: 'right' },
  { head: 'why' },
  { head: 'arguments' },
] as const;

/** Adds `aegrail approvals`. */
export function addApprovals(program: Command, invocation: Invocation): void {
  const command = program
    .command('approvals')
    .description('list the calls that wait for people, of one session or of all that run')
    .argument('[id]', 'the session')
    .action((id: string | undefined, options: Options) => approvals(id, options, invocation));
  withConfig(command);
  withServer(command);
  withJson(command, 'a line of JSON for each request');
  withExample(command, 'aegrail approvals', 'aegrail approve sess_1795000000000_3f2a9c81d4e7 apr_5 --by bob@acme.com');
}

async function approvals(id: string | undefined, options: Options, { terminal, endWith }: Invocation): Promise<void> {
  const taskQueue = (await readConfigIfThere(options.config, terminal.cwd))?.file.taskQueue ?? DEFAULT_TASK_QUEUE;
  await withClient(options, terminal, async (clients) => {
    if (id !== undefined) await describeSession(clients.aegrail.session(id));
    const rows: Listed[] = [];
    for await (const sessionId of id === undefined ? waitingSessions(clients, taskQueue) : [id]) {
      try {
        rows.push(...(await waitingFor(listed(clients, sessionId), WORKER, terminal)));
      } catch (thrown) {
        // One that no worker answers for hides no other.
        if (id !== undefined) throw thrown;
        terminal.say(`${sessionId}: ${messageOf(thrown)}`);
        endWith(EXIT.bad);
      }
    }
    if (options.json) for (const row of rows) await terminal.line(JSON.stringify(row));
    else if (rows.length === 0) terminal.say('Nothing waits for people.');
    else for (const line of table(COLUMNS, rows.map(cells))) await terminal.line(line);
  });
}

/** A session that waits says so in its memo: the others need not be asked. */
async function* waitingSessions({ client }: Clients, taskQueue: string): AsyncGenerator<string> {
  const query = `WorkflowType="${SESSION_WORKFLOW}" AND TaskQueue="${taskQueue}" AND ExecutionStatus="Running"`;
  for await (const { workflowId, memo } of client.workflow.list({ query })) {
    // What can not be read is asked for.
    if (memo?.['approvals'] !== undefined && memo['approvals'] !== 0) yield workflowId;
  }
}

async function listed({ aegrail }: Clients, sessionId: string): Promise<Listed[]> {
  const { approvals: waiting, principal } = await aegrail.session(sessionId).view();
  return waiting.map((one) => ({ sessionId, user: principal.user, ...one }));
}

function cells({
  sessionId,
  request,
  tool,
  user,
  approvedBy,
  quorum,
  expiresAt,
  usdUsed,
  why,
  args,
}: Listed): string[] {
  const count = `${approvedBy.length} of ${quorum}`;
  const expires = moment(new Date(expiresAt));
  return [sessionId, request, tool, user, count, expires, String(usdUsed), why, printable(JSON.stringify(args))];
}
