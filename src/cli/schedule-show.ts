import type { Command } from 'commander';
import type { ShownSchedule } from '../client/schedules.ts';
import type { ServerChoice } from '../temporal/settings.ts';
import type { Invocation } from './invocation.ts';
import { withExample, withJson, withServer } from './options.ts';
import { moment, printable } from './text.ts';
import { withClient } from './with-client.ts';

interface Options extends ServerChoice {
  readonly json?: true;
}

/** Longest piece of a message that is shown, in UTF-16 units. */
const MAX_SHOWN = 200;
/** Times and sessions that are shown. */
const MAX_TIMES = 5;

/** Adds `aegrail schedule show`. */
export function addScheduleShow(parent: Command, { terminal }: Invocation): void {
  const command = parent
    .command('show')
    .description('a schedule: what it starts, when next, and the last sessions')
    .argument('<name>', 'the schedule')
    .action((name: string, { json, ...choice }: Options) =>
      withClient(choice, terminal, async ({ aegrail }) => {
        const schedule = await aegrail.schedules.show(name);
        if (json) return terminal.line(JSON.stringify(schedule));
        for (const [head, text] of rows(schedule))
          await terminal.line(`${head.padEnd(9)}  ${printable(text)}`.trimEnd());
      }),
    );
  withServer(command);
  withJson(command, 'one JSON document');
  withExample(command, 'aegrail schedule show report');
}

function rows(schedule: ShownSchedule): [string, string][] {
  const { start, next, sessions, note, paused, overlap } = schedule;
  const times = next.slice(0, MAX_TIMES).map((at) => moment(new Date(at)));
  const input = start.input.length > MAX_SHOWN ? `${start.input.slice(0, MAX_SHOWN)}…` : start.input;
  const limits = Object.entries(start.limits ?? {}).map(([name, limit]) => `${name} ${limit}`);
  return [
    ['schedule', schedule.name],
    ['agent', start.version === undefined ? start.agent : `${start.agent}/${start.version}`],
    ['user', start.user],
    ['input', input],
    ...(start.account === undefined ? [] : ([['account', start.account]] as [string, string][])),
    ...(limits.length === 0 ? [] : ([['limits', limits.join(', ')]] as [string, string][])),
    ['cron', `${schedule.cron ?? '?'} (${schedule.timezone ?? 'UTC'})`],
    ['overlap', overlap ?? '?'],
    ['state', `${paused ? 'paused' : 'on'}${note === null ? '' : `: ${note}`}`],
    ['started', `${schedule.started}, skipped ${schedule.skipped}`],
    ...labelled('next', times.length === 0 ? ['never'] : times.map((at) => `${at} UTC`)),
    ...labelled(
      'sessions',
      sessions.length === 0 ? ['none yet'] : sessions.slice(0, MAX_TIMES).map((one) => one.sessionId),
    ),
  ];
}

/** Several lines under one head. */
function labelled(head: string, lines: readonly string[]): [string, string][] {
  return lines.map((line, index) => [index === 0 ? head : '', line]);
}
