import { type Command, Option } from 'commander';
import { type AccountLimits, type AccountSetInput, type Period, PERIODS } from '../core/account-input.ts';
import type { AccountView } from '../core/account-view.ts';
import { messageOf } from '../core/errors.ts';
import type { Amounts } from '../core/ledger.ts';
import { formatUsd } from '../core/units.ts';
import type { ServerChoice } from '../temporal/settings.ts';
import { readConfigIfThere } from './config.ts';
import type { Invocation } from './invocation.ts';
import { decimal, withConfig, withExample, withJson, withServer } from './options.ts';
import { table } from './table.ts';
import type { Terminal } from './terminal.ts';
import { printable } from './text.ts';
import { waitingFor, WORKER } from './waiting.ts';
import { type Clients, withClient } from './with-client.ts';

interface Options extends ServerChoice {
  readonly config?: string;
  readonly taskQueue?: string;
  readonly json?: true;
}

interface SetOptions extends Options {
  readonly usd?: number;
  readonly tokens?: number;
  readonly toolCalls?: number;
  readonly per: Period;
  readonly timezone?: string;
  readonly by: string;
  readonly reason?: string;
}

/** Adds `aegrail accounts`. */
export function addAccounts(program: Command, { terminal }: Invocation): void {
  const accounts = program
    .command('accounts')
    .description('budgets of tenants, users and agents over a window, which sessions lease from');
  const set = accounts
    .command('set')
    .description('make an account, or say anew what it may spend: a limit that is left out is none')
    .argument('<name>', 'the account, as a contract names it: tenant/acme')
    .option('--usd <number>', 'so many USD', decimal)
    .option('--tokens <number>', 'so many tokens', decimal)
    .option('--tool-calls <number>', 'so many tool calls', decimal)
    .addOption(new Option('--per <window>', 'for how long').choices(PERIODS).makeOptionMandatory())
    .option('--timezone <zone>', 'by the calendar of which time zone, such as Europe/Berlin (UTC)')
    .requiredOption('--by <who>', 'who sets it')
    .option('--reason <text>', 'why')
    .action((name: string, options: SetOptions) =>
      onServer(options, terminal, async ({ aegrail }) => {
        const view = await waitingFor(aegrail.accounts.set(name, inputOf(options)), WORKER, terminal);
        return options.json ? terminal.line(JSON.stringify(view)) : print(view, terminal);
      }),
    );
  finish(set, 'aegrail accounts set tenant/acme --usd 100 --per day --timezone Europe/Berlin --by bob@acme.com');
  const show = accounts
    .command('show')
    .description('what an account may spend, has spent, and who holds what')
    .argument('<name>', 'the account')
    .action((name: string, options: Options) =>
      onServer(options, terminal, async ({ aegrail }) => {
        const view = await waitingFor(aegrail.accounts.show(name), WORKER, terminal);
        if (options.json) return terminal.line(JSON.stringify(view));
        await print(view, terminal);
        return printHolders(view, terminal);
      }),
    );
  finish(show, 'aegrail accounts show tenant/acme');
  const ls = accounts
    .command('ls')
    .description('all accounts')
    .action((options: Options) => onServer(options, terminal, (clients) => list(clients, options, terminal)));
  finish(ls, 'aegrail accounts ls');
}

function finish(command: Command, example: string): void {
  command.option('--task-queue <name>', "task queue of the workers (the contract file's, or aegrail)");
  withConfig(command);
  withServer(command);
  withJson(command, 'one JSON document');
  withExample(command, example);
}

async function onServer(
  options: Options,
  terminal: Terminal,
  work: (clients: Clients) => Promise<void>,
): Promise<void> {
  const taskQueue = options.taskQueue ?? (await readConfigIfThere(options.config, terminal.cwd))?.file.taskQueue;
  return withClient({ ...options, taskQueue }, terminal, work);
}

function inputOf({ usd, tokens, toolCalls, per, timezone: timeZone, by, reason }: SetOptions): AccountSetInput {
  const given = Object.entries({ usd, tokens, toolCalls, timeZone, reason }).filter(([, value]) => value !== undefined);
  return { per, by, ...Object.fromEntries(given) };
}

async function list({ aegrail }: Clients, { json }: Options, terminal: Terminal): Promise<void> {
  const rows: string[][] = [];
  for await (const name of aegrail.accounts.list()) {
    // Without a worker an account has no answer, and the others may.
    const view = await aegrail.accounts.show(name).catch((thrown: unknown) => messageOf(thrown));
    if (json) await terminal.line(JSON.stringify(typeof view === 'string' ? { account: name, problem: view } : view));
    else if (typeof view === 'string') rows.push([name, view.split('\n', 1)[0] ?? '']);
    else rows.push([name, limitsLine(view), spentLine(view), String(view.holderCount)]);
  }
  if (json) return;
  if (rows.length === 0) return terminal.say('There are no accounts.');
  const heads = [
    { head: 'account' },
    { head: 'limits' },
    { head: 'spent' },
    { head: 'sessions', align: 'right' as const },
  ];
  for (const line of table(heads, rows)) await terminal.line(line);
}

async function print(view: AccountView, terminal: Terminal): Promise<void> {
  const { account, per, timeZone, window, setBy, setReason, setAt } = view;
  const until = window.to === null ? 'in total' : `per ${per} (${timeZone}), until ${window.to}`;
  await terminal.line(printable(`${account}: ${limitsLine(view)}`));
  await terminal.line(printable(`  window  ${until}`));
  await terminal.line(printable(`  spent   ${spentLine(view)}`));
  await terminal.line(
    printable(
      `  leased  ${amountsLine(view.leased, view.limits)} to ${view.holderCount} ${view.holderCount === 1 ? 'session' : 'sessions'}`,
    ),
  );
  const why = setReason === null ? '' : ` (${setReason})`;
  await terminal.line(printable(`  set     by ${setBy}${why}, ${setAt}`));
}

async function printHolders({ holders, limits }: AccountView, terminal: Terminal): Promise<void> {
  if (holders.length === 0) return;
  const rows = holders.map(({ session, holds, used, expiresAt }) => [
    session,
    amountsLine(holds, limits),
    amountsLine(used, limits),
    expiresAt,
  ]);
  const heads = [{ head: 'session' }, { head: 'holds' }, { head: 'used, as told' }, { head: 'is looked at next' }];
  for (const line of table(heads, rows)) await terminal.line(line);
}

function limitsLine({ limits, per }: AccountView): string {
  const { usdNano, tokens, toolCalls } = limits;
  const amounts = { usdNano: usdNano ?? 0, tokens: tokens ?? 0, toolCalls: toolCalls ?? 0 };
  return `${amountsLine(amounts, limits)} ${per === 'total' ? 'in total' : `per ${per}`}`;
}

function spentLine({ posted, limits }: AccountView): string {
  return amountsLine(posted, limits);
}

/** Amounts of the dimensions that the account limits. */
function amountsLine({ usdNano, tokens, toolCalls }: Amounts, limits: AccountLimits): string {
  const parts = [
    ...(limits.usdNano === null ? [] : [formatUsd(usdNano)]),
    ...(limits.tokens === null ? [] : [`${tokens} tokens`]),
    ...(limits.toolCalls === null ? [] : [`${toolCalls} tool calls`]),
  ];
  return parts.join(', ');
}
