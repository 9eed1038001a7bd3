import {
  type Client,
  ScheduleAlreadyRunning,
  type ScheduleDescription,
  type ScheduleHandle,
  ScheduleNotFoundError,
  type ScheduleSummary,
} from '@temporalio/client';
import { AegrailError, messageOf } from '../core/errors.ts';
import { plainMarkdown } from '../core/markdown.ts';
import { type OperatorInput, parseOperator } from '../core/operator-input.ts';
import {
  type CheckedSchedule,
  invalidSchedule,
  type Overlap,
  parseSchedule,
  parseScheduleName,
  type ScheduleInput,
} from '../core/schedule-input.ts';
import { parseStartInput, type StartInput } from '../core/start-input.ts';
import { SESSION_WORKFLOW } from '../protocol.ts';

/** A session whose time has passed by more than this, because the server was down, is not made up for. */
const CATCH_UP_MS = 3_600_000;
/** Longest that is waited for a session that was triggered to be there. */
const TRIGGERED_WITHIN_MS = 10_000;
const TRIGGERED_POLL_MS = 100;

/** A schedule in a list. */
export interface ListedSchedule {
  readonly name: string;
  readonly agent: string | null;
  readonly user: string | null;
  readonly cron: string | null;
  readonly timezone: string | null;
  readonly paused: boolean;
  /** Who paused it, and why, or that it goes on; null when nobody said. */
  readonly note: string | null;
  /** When it starts the next session; null when it never does any more. */
  readonly nextAt: string | null;
}

/** A session that a schedule started. */
export interface ScheduledSession {
  readonly sessionId: string;
  readonly scheduledAt: string;
}

/** A schedule, with all that is known of it. */
export interface ShownSchedule extends ListedSchedule {
  readonly overlap: Overlap | null;
  /** What each session is started with. */
  readonly start: StartInput;
  readonly taskQueue: string;
  /** The next times, the first one first. */
  readonly next: readonly string[];
  /** The last sessions, the newest first. */
  readonly sessions: readonly ScheduledSession[];
  /** How many it has started, and how many it left out because one ran. */
  readonly started: number;
  readonly skipped: number;
}

/** Sessions that start by themselves, through Temporal's schedules. */
export interface Schedules {
  /**
   * Makes a schedule. Each time that it comes round it starts a session of its own, whose id is the schedule's name and the
   * time.
   *
   * @throws AegrailError INPUT_INVALID before anything is sent, or when the server can't read cron; SCHEDULE_EXISTS
   */
  create(name: string, schedule: ScheduleInput): Promise<void>;
  /** The schedules of sessions in the namespace. A new one may take a moment to be listed. */
  list(): AsyncIterable<ListedSchedule>;
  /** @throws AegrailError SCHEDULE_UNKNOWN */
  show(name: string): Promise<ShownSchedule>;
  /** Starts no session until {@link resume}; one that runs goes on. @throws AegrailError SCHEDULE_UNKNOWN, INPUT_INVALID */
  pause(name: string, given: OperatorInput): Promise<void>;
  /** Lets it start sessions again; what it missed is not made up for. @throws AegrailError as {@link pause} */
  resume(name: string, given: OperatorInput): Promise<void>;
  /**
   * Starts a session now, whether one runs or not.
   *
   * @returns the session's id; null when Temporal has not said it within 10 s
   * @throws AegrailError SCHEDULE_UNKNOWN
   */
  trigger(name: string): Promise<string | null>;
  /** Sessions that it started go on. @throws AegrailError SCHEDULE_UNKNOWN */
  delete(name: string): Promise<void>;
}

/** Schedules through a Temporal client. @param taskQueue of the worker that is to run the sessions */
export function schedulesOf(client: Client, taskQueue: string): Schedules {
  const handleOf = (name: string): ScheduleHandle => client.schedule.getHandle(parseScheduleName(name));
  return {
    create: (name, schedule) => create(client, taskQueue, parseScheduleName(name), parseSchedule(schedule)),
    async *list() {
      for await (const summary of client.schedule.list())
        if (summary.action?.workflowType === SESSION_WORKFLOW) yield listed(summary.scheduleId, summary);
    },
    show: async (name) => shown(await describe(handleOf(name))),
    async pause(name, given) {
      const note = noteOf(client, 'pause', given);
      await ours(handleOf(name), (handle) => handle.pause(note));
    },
    async resume(name, given) {
      const note = noteOf(client, 'resume', given);
      await ours(handleOf(name), (handle) => handle.unpause(note));
    },
    trigger: (name) => trigger(handleOf(name)),
    delete: (name) => ours(handleOf(name), (handle) => handle.delete()),
  };
}

async function create(client: Client, taskQueue: string, name: string, schedule: CheckedSchedule): Promise<void> {
  const { cron, timezone, overlap, paused, start } = schedule;
  const { agent, user } = start;
  try {
    await client.schedule.create({
      scheduleId: name,
      spec: { cronExpressions: [cron], timezone },
      policies: { overlap: POLICIES[overlap], catchupWindow: CATCH_UP_MS },
      state: { paused },
      // Temporal keeps a cron expression as the times that it means: this is how it was written.
      memo: { agent, user, cron, timezone },
      action: {
        type: 'startWorkflow',
        workflowType: SESSION_WORKFLOW,
        // Temporal appends the time: each is a session of its own.
        workflowId: name,
        taskQueue,
        args: [start],
        memo: { agent, user },
        staticSummary: plainMarkdown(`${agent} for ${user}, by the schedule ${name}`),
      },
    });
  } catch (thrown) {
    if (thrown instanceof ScheduleAlreadyRunning)
      throw new AegrailError('SCHEDULE_EXISTS', `There is a schedule ${name} already.`, { cause: thrown });
    // So the SDK tells what the server calls an invalid argument.
    if (thrown instanceof TypeError)
      throw invalidSchedule(`cron ${JSON.stringify(cron)}: ${messageOf(thrown)}`, thrown);
    throw thrown;
  }
}

async function trigger(handle: ScheduleHandle): Promise<string | null> {
  const before = new Set(sessionsOf(await describe(handle)).map(({ sessionId }) => sessionId));
  await handle.trigger();
  const giveUpMs = performance.now() + TRIGGERED_WITHIN_MS;
  while (performance.now() < giveUpMs) {
    const started = sessionsOf(await describe(handle)).find(({ sessionId }) => !before.has(sessionId));
    if (started) return started.sessionId;
    await new Promise((resolve) => setTimeout(resolve, TRIGGERED_POLL_MS));
  }
  return null;
}

/** Does something to a schedule of sessions, and to no other that somebody has in the namespace. */
async function ours<T>(handle: ScheduleHandle, change: (handle: ScheduleHandle) => Promise<T>): Promise<T> {
  await describe(handle);
  return known(handle, () => change(handle));
}

async function describe(handle: ScheduleHandle): Promise<ScheduleDescription> {
  const description = await known(handle, () => handle.describe());
  const { workflowType } = description.action;
  if (workflowType === SESSION_WORKFLOW) return description;
  const why = `${handle.scheduleId} is no schedule of sessions: it starts workflows of type ${workflowType}.`;
  throw new AegrailError('SCHEDULE_UNKNOWN', why);
}

async function known<T>({ scheduleId }: ScheduleHandle, ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (thrown) {
    if (!(thrown instanceof ScheduleNotFoundError)) throw thrown;
    throw new AegrailError('SCHEDULE_UNKNOWN', `There is no schedule ${scheduleId}.`, { cause: thrown });
  }
}

const POLICIES = { skip: 'SKIP', buffer_one: 'BUFFER_ONE', allow_all: 'ALLOW_ALL' } as const;

/** A note is plain text, which no codec sees. */
function noteOf({ options }: Client, change: 'pause' | 'resume', given: OperatorInput): string {
  const { by, reason } = parseOperator(given, change);
  if (options.loadedDataConverter.payloadCodecs.length > 0) return `aegrail schedule ${change}`;
  return `${change === 'pause' ? 'paused' : 'resumed'} by ${by}${reason === undefined ? '' : `: ${reason}`}`;
}

function listed(
  name: string,
  { memo = {}, state, info }: Pick<ScheduleSummary, 'memo' | 'state' | 'info'>,
): ListedSchedule {
  const text = (member: string): string | null => (typeof memo[member] === 'string' ? memo[member] : null);
  return {
    name,
    agent: text('agent'),
    user: text('user'),
    cron: text('cron'),
    timezone: text('timezone'),
    paused: state.paused,
    note: state.note || null,
    nextAt: info.nextActionTimes[0]?.toISOString() ?? null,
  };
}

function shown(description: ScheduleDescription): ShownSchedule {
  const { scheduleId, action, policies, info } = description;
  const overlap = Object.entries(POLICIES).find(([, policy]) => policy === policies.overlap)?.[0];
  return {
    ...listed(scheduleId, description),
    overlap: (overlap as Overlap | undefined) ?? null,
    start: startOf(scheduleId, action.args),
    taskQueue: action.taskQueue ?? '',
    next: info.nextActionTimes.map((at) => at.toISOString()),
    sessions: sessionsOf(description),
    started: info.numActionsTaken,
    skipped: info.numActionsSkippedOverlap,
  };
}

function startOf(name: string, args: readonly unknown[] = []): StartInput {
  try {
    return parseStartInput(args[0]);
  } catch (thrown) {
    const why = `What the schedule ${name} starts sessions with can not be read. If it is encrypted, give the keys of the worker: the contract file's encryption, or AEGRAIL_PAYLOAD_KEYS.`;
    throw new AegrailError('PAYLOAD_UNREADABLE', why, { cause: thrown });
  }
}

function sessionsOf({ info }: ScheduleDescription): ScheduledSession[] {
  return info.recentActions
    .map(({ scheduledAt, action: { workflow } }) => ({
      sessionId: workflow.workflowId,
      scheduledAt: scheduledAt.toISOString(),
    }))
    .toReversed();
}
