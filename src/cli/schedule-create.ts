import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { OVERLAPS, type Overlap, type ScheduleInput } from '../core/schedule-input.ts';
import type { LimitsInput, StartInput } from '../core/start-input.ts';
import type { ServerChoice } from '../temporal/settings.ts';
import { readConfigIfThere } from './config.ts';
import { readNoteFile } from './contract-file.ts';
import type { Invocation } from './invocation.ts';
import { limitsOf, withLimits } from './limit-options.ts';
import { withConfig, withExample, withJson, withServer } from './options.ts';
import type { Terminal } from './terminal.ts';
import { moment } from './text.ts';
import { withClient } from './with-client.ts';

interface Options extends ServerChoice, LimitsInput {
  readonly agent: string;
  readonly user: string;
  readonly input: string;
  readonly cron: string;
  readonly timezone?: string;
  readonly overlap?: Overlap;
  readonly paused?: true;
  readonly agentVersion?: string;
  readonly account?: string;
  readonly authorization?: string;
  readonly failOnKill?: true;
  readonly config?: string;
  readonly taskQueue?: string;
  readonly json?: true;
}

/** Adds `aegrail schedule create`. */
export function addScheduleCreate(parent: Command, { terminal }: Invocation): void {
  const command = parent
    .command('create')
    .description('start a session at set times, each under an id of its own: the name and the time')
    .argument('<name>', 'name of the schedule')
    .requiredOption('--agent <name>', 'name of an agent in the contract file')
    .requiredOption('--user <user>', 'whom the agent works for')
    .requiredOption('--input <text>', 'the message that each session is started with')
    .requiredOption('--cron <fields>', 'minute, hour, day of month, month, day of week')
    .option('--timezone <name>', 'of the hours in --cron, such as Europe/Berlin (UTC)')
    .addOption(
      new Option('--overlap <what>', 'when it is time and the last session still runs (skip)').choices(OVERLAPS),
    )
    .option('--paused', 'make it, and begin with "aegrail schedule resume"')
    .option('--agent-version <version>', 'refuse any other version of the agent')
    .option('--account <name>', 'one more account that each session is on, beside those of its contract')
    .option('--authorization <file>', 'what "aegrail contract sign" wrote, for a worker that asks for it')
    .option('--fail-on-kill', 'a killed session fails in Temporal, instead of completing as killed')
    .option('--task-queue <name>', "task queue of the worker (the contract file's, or aegrail)")
    .action((name: string, options: Options) => create(name, options, terminal));
  withLimits(command, 'lower the limit of');
  withConfig(command);
  withServer(command);
  withJson(command, 'one JSON document');
  withExample(
    command,
    'aegrail schedule create report --agent reporter --user ann@acme.com --input "Write the report." --cron "0 9 * * 1-5" --timezone Europe/Berlin',
  );
}

async function create(name: string, options: Options, terminal: Terminal): Promise<void> {
  const schedule = await scheduleOf(options, terminal);
  // The worker of the contract file polls no other.
  const taskQueue = options.taskQueue ?? (await readConfigIfThere(options.config, terminal.cwd))?.file.taskQueue;
  await withClient({ ...options, taskQueue }, terminal, async ({ aegrail }) => {
    await aegrail.schedules.create(name, schedule);
    const { nextAt, paused } = await aegrail.schedules.show(name);
    if (options.json) return terminal.line(JSON.stringify({ name, paused, nextAt }));
    const next = nextAt === null ? 'never' : `${moment(new Date(nextAt))} UTC`;
    return terminal.line(`${name}: ${paused ? 'made, and paused' : `the next session starts ${next}`}`);
  });
}

async function scheduleOf(options: Options, { cwd }: Terminal): Promise<ScheduleInput> {
  const { cron, timezone, overlap, paused, agent, user, input, agentVersion, account, authorization, failOnKill } =
    options;
  const limits = limitsOf(options);
  const start: StartInput = {
    agent,
    user,
    input,
    ...(agentVersion === undefined ? {} : { version: agentVersion }),
    ...(account === undefined ? {} : { account }),
    ...(authorization === undefined
      ? {}
      : { authorization: await readNoteFile(resolve(cwd, authorization), authorization) }),
    ...(failOnKill === undefined ? {} : { failOnKill }),
    ...(limits === undefined ? {} : { limits }),
  };
  return {
    cron,
    start,
    ...(timezone === undefined ? {} : { timezone }),
    ...(overlap === undefined ? {} : { overlap }),
    ...(paused === undefined ? {} : { paused }),
  };
}
