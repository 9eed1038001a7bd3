import { randomUUID } from 'node:crypto';
import { Aegrail } from '../src/client.ts';
import type { Script } from '../src/model-endpoint/index.ts';
import { SESSION_WORKFLOW } from '../src/protocol.ts';
import type { Finding } from './lib/finding.ts';
import { activityCounts, type BenchEvent, readHistory } from './lib/history.ts';
import type { Lab } from './lib/lab.ts';
import { type Bench, runBenches } from './lib/run.ts';
import { median, quantile } from './lib/statistics.ts';

const PAIRS = 40;
const WARM_UP = 4;
/** Turns of a session, each one model call and one tool call. */
const TURNS = 20;
const ACCOUNT = 'tenant/bench';

const script: Script = ({ index }) =>
  index < TURNS ? { call: [{ tool: 'lookup_order', args: { id: `order_${index}` } }] } : { say: 'That was all.' };

/**
 * A whole session on an account against the same session on none: the project's own workflow, model and tool in turns, on
 * one server, in one process. Sessions of both kinds take turns (A B, B A, …). Times are the server's, from the first event
 * to the last.
 */
async function measureAccounts(lab: Lab, say: (line: string) => void): Promise<Finding[]> {
  return lab.withGoverned({ script }, async (taskQueue) => {
    await new Aegrail(lab.client, { taskQueue }).accounts.set(ACCOUNT, {
      usd: 9_000_000,
      tokens: 1_000_000_000_000,
      toolCalls: 1_000_000_000,
      per: 'day',
      by: 'bench',
    });
    const run = async (account: string | null): Promise<readonly BenchEvent[]> => {
      const workflowId = `bench-${randomUUID()}`;
      const input = { agent: 'bot', user: 'ann@acme.com', input: 'Look.', ...(account === null ? {} : { account }) };
      await lab.client.workflow.execute(SESSION_WORKFLOW, { taskQueue, workflowId, args: [input] });
      return readHistory(lab.client, workflowId);
    };
    const on: (readonly BenchEvent[])[] = [];
    const off: (readonly BenchEvent[])[] = [];
    for (let index = 0; index < PAIRS + WARM_UP; index++) {
      for (const isOn of index % 2 === 0 ? [true, false] : [false, true]) {
        const events = await run(isOn ? ACCOUNT : null);
        if (index >= WARM_UP) (isOn ? on : off).push(events);
      }
      if ((index + 1) % 10 === 0) say(`${index + 1} of ${PAIRS + WARM_UP} pairs of sessions`);
    }
    return findings(on, off);
  });
}

function findings(on: readonly (readonly BenchEvent[])[], off: readonly (readonly BenchEvent[])[]): Finding[] {
  const times = (sessions: readonly (readonly BenchEvent[])[]): number[] =>
    sessions.map((events) => (events.at(-1)?.atMs ?? Number.NaN) - (events[0]?.atMs ?? Number.NaN));
  const ratios = times(on).map((ms, index) => ms / (times(off)[index] ?? Number.NaN));
  const events = (sessions: readonly (readonly BenchEvent[])[]): number => median(sessions.map(({ length }) => length));
  /** From the event that schedules openSession to its end. */
  const opening = (sessions: readonly (readonly BenchEvent[])[]): number =>
    median(
      sessions.map((session) => {
        const from = session.find(({ scheduled }) => scheduled === 'openSession');
        const end = session.find(({ kind }) => kind === 'activityTaskCompleted');
        return (end?.atMs ?? Number.NaN) - (from?.atMs ?? Number.NaN);
      }),
    );
  const leases = median(on.map((session) => activityCounts(session)['leaseMore'] ?? 0));
  const info = (name: string, value: number, unit: string): Finding => ({ name, value, unit, target: null });
  return [
    {
      name: `on an account / on none, median of a session of ${TURNS} turns`,
      value: median(times(on)) / median(times(off)),
      unit: 'x',
      target: 1.05,
    },
    { name: 'history events more per session', value: events(on) - events(off), unit: 'events', target: 0 },
    info('leases after the first', leases, 'activities'),
    info('on an account, median', median(times(on)), 'ms'),
    info('on none, median', median(times(off)), 'ms'),
    info('opening it, on an account', opening(on), 'ms'),
    info('opening it, on none', opening(off), 'ms'),
    info('ratio of one pair, lower quartile', quantile(ratios, 0.25), 'x'),
    info('ratio of one pair, upper quartile', quantile(ratios, 0.75), 'x'),
    info('sessions of each', on.length, 'sessions'),
  ];
}

/** The comparison where a session is fastest, so that a lease shows most. */
export const accountsBench: Bench = { name: 'accounts', server: 'memory', measure: measureAccounts };

if (import.meta.main) await runBenches([accountsBench], process.argv.slice(2));
