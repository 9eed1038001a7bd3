import { setTimeout as delay } from 'node:timers/promises';
import { userInfo } from 'node:os';
import { type Command, Option } from 'commander';
import { closest } from '../config/closest.ts';
import type { LoadedConfig } from '../config/load.ts';
import { AegrailError } from '../core/errors.ts';
import { parseOperator } from '../core/operator-input.ts';
import type { Store } from '../store/store.ts';
import { SWITCH_SEEN_WITHIN_MS, type SwitchChange } from '../store/switch-store.ts';
import type { ServerChoice } from '../temporal/settings.ts';
import { readConfig } from './config.ts';
import type { Invocation } from './invocation.ts';
import { withConfig, withExample, withJson, withServer } from './options.ts';
import { tellRunningSessions } from './tell-sessions.ts';
import { table } from './table.ts';
import type { Terminal } from './terminal.ts';
import { moment, printable } from './text.ts';
import { withOpenedStore } from './with-store.ts';

interface Options extends ServerChoice {
  readonly config?: string;
  readonly agent?: string;
  readonly by: string;
  readonly reason?: string;
  readonly json?: true;
}

/** Adds `aegrail kill-switch`. */
export function addKillSwitch(program: Command, { terminal }: Invocation): void {
  const command = program
    .command('kill-switch')
    .description(
      "stop all of an agent, or of all agents: running sessions end as killed, new ones don't start, until it is off again; without on or off: show what is on",
    )
    .argument('[state]', 'on or off')
    .option('--agent <name>', 'only this agent (otherwise all)')
    .addOption(new Option('--by <who>', 'who turns it, for the log').default(operatorName(), 'your user name'))
    .option('--reason <text>', 'why, for the log')
    .action(async (state: string | undefined, options: Options) => {
      if (state === undefined) return show(options, terminal);
      if (state !== 'on' && state !== 'off')
        throw new AegrailError('CONFIG_INVALID', `kill-switch is turned on or off, and not ${JSON.stringify(state)}.`);
      return turn(state === 'on', options, terminal);
    });
  withConfig(command);
  withServer(command);
  withJson(command, 'one JSON document');
  withExample(
    command,
    'aegrail kill-switch on --agent support-bot --by bob@acme.com --reason "refunds everything"',
    'aegrail kill-switch',
    'aegrail kill-switch off --agent support-bot --by bob@acme.com',
  );
}

async function show({ config, agent, json }: Options, terminal: Terminal): Promise<void> {
  // Here and below the store is made when it is not there: an agent may be stopped before it first runs.
  const on = await withOpenedStore(await readConfig(config, terminal.cwd), terminal, ({ switches }) => switches.on());
  const wanted = agent === undefined ? on : on.filter((one) => one.agent === null || one.agent === agent);
  if (json) return terminal.line(JSON.stringify({ on: wanted.map(shown) }));
  if (wanted.length === 0) return terminal.line('off');
  const rows = wanted.map(({ agent: name, at, by, reason }) => [
    name ?? 'all agents',
    moment(new Date(at)),
    by,
    reason ?? '',
  ]);
  for (const line of table([{ head: 'on for' }, { head: 'since (UTC)' }, { head: 'by' }, { head: 'why' }], rows))
    await terminal.line(line);
}

async function turn(isOn: boolean, options: Options, terminal: Terminal): Promise<void> {
  const { agent = null, by, reason, json } = options;
  const words = parseOperator(reason === undefined ? { by } : { by, reason }, 'kill switch');
  const config = await readConfig(options.config, terminal.cwd);
  const change = { agent, isOn, by: words.by, reason: words.reason ?? null, at: new Date().toISOString() };
  await withOpenedStore(config, terminal, async (store) => {
    await refuseUnknown(agent, config, store);
    await store.switches.turn(change);
  });
  const turnedMs = performance.now();
  // It is on from here on: sessions that wait are told as far as they can be reached, all others notice by themselves.
  const told = isOn ? await tellRunningSessions(agent, config, options, terminal) : null;
  // When this command is done no worker lets a call begin any more: each knows by now.
  await delay(Math.max(0, SWITCH_SEEN_WITHIN_MS - (performance.now() - turnedMs)));
  if (json) return terminal.line(JSON.stringify({ ...shown(change), state: isOn ? 'on' : 'off', told }));
  const whom = agent ?? 'all agents';
  if (!isOn) return terminal.line(printable(`off for ${whom}: what was killed stays so, new sessions run`));
  return terminal.line(
    printable(`on for ${whom}: no call begins any more${told === null ? '' : `, ${sessions(told)}`}`),
  );
}

function sessions(told: number): string {
  return told === 1 ? '1 running session told to end' : `${told} running sessions told to end`;
}

function shown({ agent, by, reason, at }: SwitchChange): Omit<SwitchChange, 'isOn'> {
  return { agent, by, reason, at };
}

/** A mistyped name would stop nobody, and be taken for a stop. One that only the store knows may have sessions that run. */
async function refuseUnknown(agent: string | null, { file }: LoadedConfig, store: Store): Promise<void> {
  const known = Object.keys(file.agents);
  if (agent === null || known.includes(agent)) return;
  for await (const row of store.sessions({ agent, limit: 1 })) if (row) return;
  const meant = closest(agent, known);
  const hint = meant === null ? `The agents are: ${known.join(', ')}.` : `Did you mean ${meant}?`;
  throw new AegrailError('AGENT_UNKNOWN', `There is no agent ${JSON.stringify(agent)} here. ${hint}`);
}

function operatorName(): string {
  try {
    return userInfo().username || 'unknown';
  } catch {
    // A user id without an entry, as in some containers.
    return 'unknown';
  }
}
