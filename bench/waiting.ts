import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Client, Connection } from '@temporalio/client';
import { Aegrail, type Session } from '../src/client.ts';
import { findBinary } from '../src/devserver/binaries.ts';
import { startDevServer } from '../src/devserver/server.ts';
import { startModelEndpoint } from '../src/model-endpoint/index.ts';
import { openStore } from '../src/store/open.ts';
import type { Store } from '../src/store/store.ts';
import { benchContract } from './lib/contract.ts';
import { type Finding, passed, table } from './lib/finding.ts';
import { startWorkerProcess } from './lib/own-process.ts';
import { median, quantile } from './lib/statistics.ts';

/*
 * Thousands of sessions that wait for an approval: what one worker needs for them, and how long it takes to wake one, beside the
 * first step of a fresh session. A session takes 50 ms to start on the dev server: ten thousand take ten minutes.
 *
 *   node bench/waiting.ts [--sessions 10000]
 */

const MAX_RESIDENT_MB = 1_000;
const MAX_WAKE_RATIO = 2;
const STARTS_AT_ONCE = 40;
const PAIRS = 40;
const USER = 'ann@acme.com';

const [, sessionsText = '10000'] = /--sessions[ =](\d+)/.exec(process.argv.slice(2).join(' ')) ?? [];
const SESSIONS = Number(sessionsText);

const say = (line: string): void => void process.stderr.write(`waiting: ${line}\n`);
const dir = await mkdtemp(join(tmpdir(), 'aegrail-bench-waiting-'));
const { path: binary } = await findBinary('temporal', { env: process.env, onProgress: say });
const server = await startDevServer({ binary });
const endpoint = await startModelEndpoint({
  script: ({ index }) =>
    index === 0 ? { call: [{ tool: 'lookup_order', args: { id: 'order_1' } }] } : { say: 'It is on its way.' },
});
await writeFile(join(dir, 'aegrail.json'), JSON.stringify(contract()));
const env = { OPENAI_BASE_URL: endpoint.openaiBaseUrl, OPENAI_API_KEY: 'bench' };
const worker = await startWorkerProcess(dir, 'aegrail.json', server.address, env);
const connection = await Connection.connect({ address: server.address });
const aegrail = new Aegrail(new Client({ connection }), { taskQueue: 'waiting' });
const store = await openStore('sqlite:store.db', dir);
try {
  const idle = await worker.memoryMb();
  const startedMs = performance.now();
  const waiting = await startAll();
  const seconds = (performance.now() - startedMs) / 1_000;
  const full = await worker.memoryMb();
  const { wake, fresh } = await wakeSome(waiting);
  const after = await worker.memoryMb();
  const info = (name: string, value: number, unit: string): Finding => ({ name, value, unit, target: null });
  const findings: Finding[] = [
    {
      name: `worker with ${SESSIONS} waiting, most resident memory`,
      value: Math.max(full.most, after.most),
      unit: 'MB',
      target: MAX_RESIDENT_MB,
    },
    {
      name: 'waking one / first step of a fresh one',
      value: median(wake) / median(fresh),
      unit: 'x',
      target: MAX_WAKE_RATIO,
    },
    info('worker before the first session', idle.now, 'MB'),
    info('worker while all wait', full.now, 'MB'),
    info('waking one, median', median(wake), 'ms'),
    info('waking one, p90', quantile(wake, 0.9), 'ms'),
    info('first step of a fresh one, median', median(fresh), 'ms'),
    info('first step of a fresh one, p90', quantile(fresh, 0.9), 'ms'),
    info('sessions brought to their approval', SESSIONS / seconds, 'sessions/s'),
  ];
  process.stdout.write(`${table(findings)}\n`);
  if (findings.some((finding) => passed(finding) === false)) process.exitCode = 1;
} finally {
  await store.close();
  await connection.close();
  await worker.stop();
  await endpoint.stop();
  await server.stop();
  await rm(dir, { recursive: true });
}

/** The bench's contract, with a tool that asks. The wall clock is long: nothing ends by itself. */
function contract(): unknown {
  const { agents, ...rest } = benchContract('waiting');
  const { bot } = agents;
  const tools = { lookup_order: { ...bot?.tools?.['lookup_order'], approval: true } };
  return { ...rest, agents: { bot: { ...bot, tools, limits: { ...bot?.limits, wallSeconds: 86_400 } } } };
}

async function startAll(): Promise<Session[]> {
  const sessions: Session[] = [];
  let left = SESSIONS;
  const lane = async (): Promise<void> => {
    while (left-- > 0) {
      const session = await aegrail.start({ agent: 'bot', user: USER, input: 'Where is my order?' });
      await requestOf(store, session.id);
      sessions.push(session);
      if (sessions.length % 500 === 0)
        say(`${sessions.length} wait, the worker has ${(await worker.memoryMb()).now} MB`);
    }
  };
  await Promise.all(Array.from({ length: STARTS_AT_ONCE }, lane));
  return sessions;
}

/** Waits until a session asks, and gives what it asks. */
async function requestOf(from: Store, id: string): Promise<{ readonly request: string; readonly digest: string }> {
  for (;;) {
    for await (const record of from.records(id)) if (record.event === 'approval_requested') return record.payload;
    await delay(100);
  }
}

/** Wakes sessions from everywhere among those that wait, each beside a fresh one. */
async function wakeSome(waiting: readonly Session[]): Promise<{ readonly wake: number[]; readonly fresh: number[] }> {
  const wake: number[] = [];
  const fresh: number[] = [];
  for (let pair = 0; pair < PAIRS; pair++) {
    const session = waiting[Math.floor((pair * waiting.length) / PAIRS)];
    if (!session) break;
    const { request, digest } = await requestOf(store, session.id);
    const wokenMs = Date.now();
    await session.decide({ request, digest, decision: 'approve', by: 'bob@acme.com' });
    wake.push((await startOf(session, 'callTool')) - wokenMs);
    const startedMs = Date.now();
    const other = await aegrail.start({ agent: 'bot', user: USER, input: 'Where is my order?' });
    fresh.push((await startOf(other, 'callModel')) - startedMs);
  }
  return { wake, fresh };
}

/** When a session's first call of this type began, by the server's clock, which is this machine's. */
async function startOf({ handle }: Session, type: string): Promise<number> {
  for (;;) {
    const { events } = await handle.fetchHistory();
    const scheduled = events?.find((event) => event.activityTaskScheduledEventAttributes?.activityType?.name === type);
    const started = events?.find(
      ({ activityTaskStartedEventAttributes: attributes }) =>
        scheduled && attributes?.scheduledEventId?.toString() === scheduled.eventId?.toString(),
    );
    const { seconds, nanos } = started?.eventTime ?? {};
    if (started) return Number(seconds) * 1_000 + (nanos ?? 0) / 1e6;
    await delay(20);
  }
}
