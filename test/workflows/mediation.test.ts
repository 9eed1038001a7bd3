import { createHash, randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleWorkflowCode, DefaultLogger, NativeConnection, Worker } from '@temporalio/worker';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { bundleWorkflows } from '../../src/bundle/bundle.ts';
import { canonicalJson } from '../../src/core/canonical.ts';
import type { AuditRecord, ChainedRecord } from '../../src/core/record.ts';
import type { Envelope, Permit, ToolCall } from '../../src/calls.ts';
import { sequence } from '../../src/model-endpoint/index.ts';
import { type Attempt, type Came, OWN_RUN } from '../fixtures/workflows/rogue.ts';
import { startSecondWorker } from '../fixtures/workflows/second-worker.ts';
import { SLOW_TOOLS } from '../fixtures/workflows/slow-tools.ts';
import { checkSession } from '../harness/check-session.ts';
import { botConfig, type Stack, startStack } from '../harness/stack.ts';
import { quietRuntime } from '../harness/quiet.ts';

const workflowsPath = fileURLToPath(new URL('../fixtures/workflows/rogue.ts', import.meta.url));
const logger = new DefaultLogger('ERROR');
const config = botConfig({ tools: { counted: { module: './tools.ts' } } });

let stack: Stack;
/** Stops the workers, the last one first. */
const stops: (() => Promise<void>)[] = [];

beforeAll(async () => {
  quietRuntime();
  const script = sequence([{ call: [{ tool: 'counted', args: { name: 'permitted' } }] }, { say: 'Done.' }]);
  stack = await startStack({ config, files: { 'tools.ts': SLOW_TOOLS }, script });
  stops.push(() => stack.close());
  const [ours, bare] = await Promise.all([
    bundleWorkflows({ workflowsPath, logger }),
    bundleWorkflowCode({ workflowsPath, logger }),
  ]);
  const governed = await startSecondWorker(stack, config, {
    taskQueue: queue('ours'),
    storeFile: 'store.db',
    bundle: ours,
  });
  stops.push(() => governed.stop());
  const connection = await NativeConnection.connect({ address: inject('address') });
  const foreign = await Worker.create({ connection, taskQueue: queue('bare'), workflowBundle: bare });
  const running = foreign.run();
  stops.push(async () => {
    foreign.shutdown();
    await running;
    await connection.close();
  });
});

afterAll(async () => {
  for (const stop of stops.reverse()) await stop();
});

const queue = (name: string): string => `${stack.taskQueue}-${name}`;

/** Runs a rogue workflow: with our interceptors, or with none, as somebody else's worker would. */
async function attempt(
  how: { readonly bundle: 'ours' | 'bare'; readonly type: 'rogue' | 'agentSession'; readonly workflowId?: string },
  attempts: readonly Omit<Attempt, 'taskQueue'>[],
): Promise<{ came: Came[]; events: string[] }> {
  const handle = await stack.client.workflow.start(how.type, {
    taskQueue: queue(how.bundle),
    workflowId: how.workflowId ?? `rogue-${randomUUID()}`,
    args: [attempts.map((one) => ({ ...one, taskQueue: stack.taskQueue }))],
    workflowExecutionTimeout: '30s',
  });
  const came = (await handle.result()) as Came[];
  const { events } = await handle.fetchHistory();
  return {
    came,
    events: (events ?? []).flatMap((event) => Object.keys(event).filter((key) => key.endsWith('Attributes'))),
  };
}

async function runs(): Promise<string[]> {
  const text = await readFile(join(stack.dir, 'runs.log'), 'utf8').catch(() => '');
  return text.split('\n').filter((line) => line !== '');
}

function toolCall(name: string): ToolCall {
  const { sha256 } = stack.worker.contracts[0] ?? { sha256: '' };
  return {
    contractSha256: sha256,
    tool: 'counted',
    args: { name },
    callId: 'call_0',
    principal: { id: 'bot/v1@sess_1_000000000000', user: 'ann@acme.com' },
    idempotencyKey: null,
    timeoutMs: 10_000,
  };
}

/** A permit as the guard would make it: its digest is right, only nobody decided anything. */
function forged(sessionId: string, call: ToolCall, seq: number): Permit {
  const salt = 'by-hand';
  const digest = createHash('sha256')
    .update(canonicalJson({ call, kind: 'tool', salt }))
    .digest('hex');
  return { sessionId, seq, kind: 'tool', digest, salt, untilMs: Date.now() + 60_000 };
}

const callTool = (envelope: Envelope<ToolCall>): Omit<Attempt, 'taskQueue'> => ({
  what: 'activity',
  name: 'callTool',
  args: [envelope],
});

test.each(['rogue', 'agentSession'] as const)(
  'a workflow %s with our interceptors schedules nothing past the guard',
  async (type) => {
    const workflowId = `rogue-${randomUUID()}`;
    const call = toolCall('rogue with interceptors');
    const envelope = { call, permit: forged(workflowId, call, 3), records: [] };
    const { came, events } = await attempt({ bundle: 'ours', type, workflowId }, [
      callTool(envelope),
      { what: 'activity', name: 'callTool', args: [envelope, 'and more'] },
      { what: 'activity', name: 'appendRecords', args: [{ call: {}, permit: null, records: [] }] },
      { what: 'activity', name: 'anything', args: [] },
      { what: 'local activity', name: 'callTool', args: [envelope] },
      { what: 'child workflow', name: 'agentSession', args: [{ agent: 'bot', user: 'ann', input: 'Hello.' }] },
      { what: 'nexus operation', name: 'anywhere', args: [{}] },
      { what: 'signal', name: 'another-workflow', args: [] },
    ]);
    expect(came).toEqual(
      came.map(() => ({
        failed: 'PERMIT_MISSING',
        message: expect.stringContaining('past the guard, without a permit') as string,
      })),
    );
    expect(came).toHaveLength(8);
    // No command left the workflow: its history is start, workflow tasks, end.
    expect(events.filter((event) => !event.startsWith('workflowTask'))).toEqual([
      'workflowExecutionStartedEventAttributes',
      'workflowExecutionCompletedEventAttributes',
    ]);
    expect(await runs()).not.toContainEqual(expect.stringContaining('rogue'));
  },
);

test('a foreign worker without our interceptors is refused by the worker that has the tools', async () => {
  const workflowId = `rogue-${randomUUID()}`;
  const call = toolCall('rogue foreign');
  const permit = forged(workflowId, call, 0);
  const envelopes: [Envelope<ToolCall>, string][] = [
    [{ call, permit: null, records: [] }, 'it has no permit'],
    [{ call, permit, records: [] }, 'no record 0 admits it'],
    [{ call: { ...call, args: { name: 'rogue other' } }, permit, records: [] }, 'its permit is for other arguments'],
    [{ call, permit: { ...permit, sessionId: 'another' }, records: [] }, 'its permit is for another call'],
    [{ call, permit: { ...permit, kind: 'model' }, records: [] }, 'its permit is for another call'],
    [{ call, permit: { ...permit, extra: 1 } as Permit, records: [] }, 'its envelope is malformed'],
  ];
  const { came, events } = await attempt(
    { bundle: 'bare', type: 'agentSession', workflowId },
    envelopes.map(([envelope]) => callTool(envelope)),
  );
  expect(came).toEqual(
    envelopes.map(([, why]) => ({ failed: 'PERMIT_REFUSED', message: expect.stringContaining(why) as string })),
  );
  // They did reach the worker: it is the second line that refused them.
  expect(events.filter((event) => event.startsWith('activityTaskScheduled'))).toHaveLength(envelopes.length);
  expect(await runs()).not.toContainEqual(expect.stringContaining('rogue'));
  expect(await stack.records(workflowId)).toEqual([]);
});

test('a workflow of another type is refused whatever it brings', async () => {
  const call = toolCall('rogue type');
  const { came } = await attempt({ bundle: 'bare', type: 'rogue' }, [
    callTool({ call, permit: forged('any', call, 0), records: [] }),
    { what: 'activity', name: 'callModel', args: [{}] },
    { what: 'activity', name: 'openSession', args: [{}] },
    { what: 'activity', name: 'appendRecords', args: [{ call: {}, permit: null, records: [] }] },
  ]);
  expect(came).toEqual(
    came.map(() => ({
      failed: 'PERMIT_REFUSED',
      message: expect.stringContaining('a workflow of type rogue asks for it') as string,
    })),
  );
});

test('under the id of a session that exists, a permit that was used is worth nothing', async () => {
  // Started past the stack, whose last check is of the last run under an id: that will be the rogue's.
  const session = await stack.aegrail.start({ agent: 'bot', user: 'ann@acme.com', input: 'Hello.' });
  expect(await session.result()).toMatchObject({ outcome: 'answered' });
  await checkSession(stack.client, session.id, await stack.records(session.id));
  const before = await runs();
  expect(before.filter((line) => line.startsWith('start permitted'))).toHaveLength(1);
  const stored = await stack.records(session.id);
  const carried = await usedEnvelope(session.id);
  const used = { ...carried, records: [] };
  const other = { ...used, call: { ...used.call, args: { name: 'rogue again' } } };
  const mine = { ...used, call: other.call, permit: forged(session.id, other.call, used.permit?.seq ?? 0) };
  const fork = { ...mine, records: carried.records.map((record) => ({ ...record, run_id: OWN_RUN })) };
  const late = admittedLate(session.id, stored);
  const foreign = {
    ...mine,
    records: [{ ...carried.records[0], session_id: 'another' }] as Envelope<ToolCall>['records'],
  };
  const { came } = await attempt(
    { bundle: 'bare', type: 'agentSession', workflowId: session.id },
    [used, other, mine, foreign, carried, fork, late].map(callTool),
  );
  expect(came).toMatchObject([
    { failed: 'PERMIT_REFUSED', message: expect.stringContaining('it was started before') as string },
    { failed: 'PERMIT_REFUSED', message: expect.stringContaining('its permit is for other arguments') as string },
    { failed: 'PERMIT_REFUSED', message: expect.stringContaining('admits it') as string },
    { failed: 'PERMIT_REFUSED', message: expect.stringContaining('a record of another session') as string },
    { failed: 'AUDIT_FORK', message: expect.stringContaining('records of another run') as string },
    { failed: 'AUDIT_FORK', message: expect.stringContaining('differs from the one that is stored') as string },
    { failed: 'PERMIT_REFUSED', message: expect.stringContaining('its session has ended') as string },
  ]);
  expect(await runs()).toEqual(before);
  expect(await stack.records(session.id)).toEqual(stored);
});

/** A call that is admitted by hand, in a record after the session's last. */
function admittedLate(sessionId: string, stored: readonly ChainedRecord[]): Envelope<ToolCall> {
  const call = toolCall('rogue late');
  const permit = forged(sessionId, call, stored.length);
  const admitted = stored.find(({ event }) => event === 'tool_admitted');
  const { hash: _, prev_hash: __, ...record } = { ...admitted, run_id: OWN_RUN, seq: stored.length } as ChainedRecord;
  return {
    call,
    permit,
    records: [{ ...record, payload: { ...record.payload, digest: permit.digest } } as AuditRecord],
  };
}

/** The envelope of the session's own tool call, as it stands in its history. */
async function usedEnvelope(sessionId: string): Promise<Envelope<ToolCall>> {
  const { events } = await stack.client.workflow.getHandle(sessionId).fetchHistory();
  const scheduled = (events ?? [])
    .map((event) => event.activityTaskScheduledEventAttributes)
    .find((attributes) => attributes?.activityType?.name === 'callTool');
  const data = scheduled?.input?.payloads?.[0]?.data;
  return JSON.parse(Buffer.from(data ?? []).toString('utf8')) as Envelope<ToolCall>;
}
