import { Connection } from '@temporalio/client';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import type { Session } from '../../src/client.ts';
import { type DevServer, startDevServer } from '../../src/devserver/server.ts';
import type { Turn } from '../../src/model-endpoint/index.ts';
import { registerSearchAttributes } from '../../src/temporal/search-attributes.ts';
import { aegrail, jsonLines } from '../cli/kit.ts';
import { botConfig, type Stack, startStack, toolsModule } from '../harness/stack.ts';

const TOOLS = toolsModule(`
export const look = defineTool({ description: 'Looks.', input: z.object({}), execute: () => 'seen' });
export const refund = defineTool({ description: 'Pays.', input: z.object({}), execute: () => 'paid' });`);

/** A name that a query must not take for something else, and longer than an attribute may be. */
const EVE = `eve 'the quoted' ${'x'.repeat(238)}`;

const CONFIG = botConfig({
  version: 'v7',
  tools: { look: { module: './tools.ts' }, refund: { module: './tools.ts', approval: true } },
  limits: { usd: 1, maxToolCalls: 1, wallSeconds: 600 },
  budget: { onExceeded: 'ask', softLimit: 0 },
});

const script = (turn: Turn) => {
  const seen = turn.messages.flatMap(({ toolResults }) => toolResults).length;
  const [what, count = '1'] = turn.lastUserText.split(' ');
  if (what === 'refund' && turn.lastToolResults.length === 0) return { call: [{ tool: 'refund', args: {} }] };
  if (what === 'look' && seen < Number(count)) return { call: [{ tool: 'look', args: {} }] };
  return { say: `heard: ${turn.lastUserText}` };
};

let server: DevServer;
let stack: Stack;
let encrypted: Stack;
beforeAll(async () => {
  server = await startDevServer({
    binary: inject('temporalBinary'),
    // A new run is asked for early: search attributes carry over.
    dynamicConfig: { 'limit.historyCount.suggestContinueAsNew': 120 },
  });
  const { address } = server;
  const connection = await Connection.connect({ address });
  await registerSearchAttributes(connection, 'default');
  await connection.close();
  const files = { 'tools.ts': TOOLS };
  stack = await startStack({ address, files, script, config: CONFIG });
  const payloadKeys = `k1:${Buffer.alloc(32, 7).toString('base64')}`;
  encrypted = await startStack({ address, files, script, config: CONFIG, payloadKeys });
});
afterAll(async () => {
  await stack?.close();
  await encrypted?.close();
  await server?.stop();
});

/** The ids that a query finds, without those of other tests. */
async function found(query: string, among: readonly Session[]): Promise<string[]> {
  const ids: string[] = [];
  for await (const { workflowId } of stack.client.workflow.list({ query })) ids.push(workflowId);
  return ids.filter((id) => among.some((session) => session.id === id));
}

const attributes = async (session: Session): Promise<Record<string, unknown>> => {
  const { typedSearchAttributes } = await session.describe();
  const all = typedSearchAttributes.getAll().map(({ key, value }) => [key.name, value]);
  return Object.fromEntries(all.filter(([name]) => String(name).startsWith('Aegrail')));
};
const upserts = async (session: Session): Promise<string[]> => {
  const { events } = await session.handle.fetchHistory();
  return (events ?? []).flatMap(({ upsertWorkflowSearchAttributesEventAttributes: upsert }) => {
    const state = upsert?.searchAttributes?.indexedFields?.['AegrailState']?.data;
    return upsert ? [state ? (JSON.parse(Buffer.from(state).toString()) as string) : '?'] : [];
  });
};
const state = (session: Session) => expect.poll(async () => (await attributes(session))['AegrailState']);

describe('where the search attributes are registered', () => {
  test('a session that waits for an approval is found by it; each transition is one event', async () => {
    const session = await stack.start({ input: 'refund', user: EVE });
    const other = await stack.start({ input: 'hello' });
    await expect.poll(() => found('AegrailState="approval"', [session, other])).toEqual([session.id]);
    const [approval] = (await session.view()).approvals;
    expect(await session.view()).toMatchObject({ phase: 'approval' });
    await session.decide({ request: approval!.request, digest: approval!.digest, decision: 'approve', by: 'bob' });
    await session.result();
    expect(await attributes(session)).toEqual({
      AegrailAgent: 'bot',
      AegrailUser: EVE.slice(0, 255),
      AegrailState: 'ended',
      AegrailOutcome: 'answered',
    });
    expect(await upserts(session)).toEqual(['running', 'approval', 'running', 'ended']);
    const whose = `AegrailUser=${JSON.stringify(EVE.slice(0, 255))} AND AegrailOutcome="answered"`;
    await expect.poll(() => found(whose, [session, other])).toEqual([session.id]);
  });

  test('idle, paused, budget, and how it ended', async () => {
    const session = await stack.start({ input: 'hello', conversation: true });
    await state(session).toBe('idle');
    await session.pause({ by: 'bob' });
    await state(session).toBe('paused');
    await session.resume({ by: 'bob' });
    await state(session).toBe('idle');
    await session.post('look 2');
    await state(session).toBe('budget');
    await session.cancel();
    await session.result();
    expect(await attributes(session)).toMatchObject({ AegrailState: 'ended', AegrailOutcome: 'cancelled' });
    expect(await upserts(session)).toEqual(['running', 'idle', 'paused', 'idle', 'running', 'budget', 'ended']);
  });

  test('what is said while a turn runs makes no transition of its own', async () => {
    const session = await stack.start({ input: 'refund', conversation: true });
    await state(session).toBe('approval');
    for (const text of ['a', 'b']) await session.post(text);
    const [approval] = (await session.view()).approvals;
    await session.decide({ request: approval!.request, digest: approval!.digest, decision: 'deny', by: 'bob' });
    await session.send('c');
    await state(session).toBe('idle');
    await session.end();
    await session.result();
    expect(await upserts(session)).toEqual(['running', 'approval', 'running', 'idle', 'ended']);
  });

  test('another run of a session begins with what the last one set', async () => {
    const session = await stack.start({ input: 'hello', conversation: true });
    for (let index = 0; index < 12; index++) await session.send(`m${index}`);
    await expect
      .poll(async () => (await stack.records(session.id)).some(({ event }) => event === 'session_continued'), {
        timeout: 10_000,
      })
      .toBe(true);
    await state(session).toBe('idle');
    expect(await session.view()).toMatchObject({ phase: 'idle', doing: 'waiting for what is said next' });
    await session.end();
    await session.result();
    expect(await attributes(session)).toEqual({
      AegrailAgent: 'bot',
      AegrailUser: 'ann@acme.com',
      AegrailState: 'ended',
      AegrailOutcome: 'answered',
    });
  });

  test('aegrail sessions finds by state, agent and user', async () => {
    const waiting = await stack.start({ input: 'refund', user: EVE });
    const ended = await stack.start({ input: 'hello', user: 'quoted "eve" \\' });
    await ended.result();
    await state(waiting).toBe('approval');
    const sessions = async (...args: string[]): Promise<string[]> => {
      const { code, out, err } = await aegrail(['sessions', '--address', server.address, '--json', ...args], {
        cwd: stack.dir,
      });
      expect({ code, err }).toEqual({ code: 0, err: '' });
      return jsonLines(out)
        .map((row) => (row as { id: string }).id)
        .filter((id) => id === waiting.id || id === ended.id);
    };
    // What Temporal lists is behind by some moments.
    await expect.poll(() => sessions('--state', 'approval')).toEqual([waiting.id]);
    expect(await sessions('--state', 'running')).toEqual([waiting.id]);
    expect(await sessions('--state', 'idle')).toEqual([]);
    await expect.poll(() => sessions('--state', 'answered')).toEqual([ended.id]);
    expect(await sessions('--user', EVE)).toEqual([waiting.id]);
    expect(await sessions('--user', 'quoted "eve" \\')).toEqual([ended.id]);
    expect(await sessions('--user', EVE, '--agent', 'other')).toEqual([]);
    expect((await sessions('--agent', 'bot')).toSorted()).toEqual([waiting.id, ended.id].toSorted());
    const table = await aegrail(['sessions', '--address', server.address, '--user', EVE], { cwd: stack.dir });
    expect(table.out).toContain(' running (approval) ');
    // One that is terminated keeps its attributes, and is not found by what it did.
    await waiting.handle.terminate();
    await expect.poll(() => sessions('--state', 'terminated')).toEqual([waiting.id]);
    expect(await sessions('--state', 'approval')).toEqual([]);
  });

  test('encrypted sessions show no user', async () => {
    const session = await encrypted.start({ input: 'hello' });
    await session.result();
    expect(await attributes(session)).toEqual({
      AegrailAgent: 'bot',
      AegrailState: 'ended',
      AegrailOutcome: 'answered',
    });
    const { events } = await session.handle.fetchHistory();
    expect(JSON.stringify(events)).not.toContain(Buffer.from('ann@acme.com').toString('base64').slice(0, 12));
  });

  test('what a turn did is one group in its history', async () => {
    const session = await stack.start({ input: 'look', conversation: true });
    await session.send('again');
    await session.end();
    await session.result();
    const { events } = await session.handle.fetchHistory();
    const groups = (events ?? []).flatMap(({ activityTaskScheduledEventAttributes: activity, eventGroupMarkers }) =>
      activity
        ? [`${activity.activityType?.name}: ${(eventGroupMarkers ?? []).map(({ label }) => label?.id).join()}`]
        : [],
    );
    expect(groups).toEqual([
      'openSession: ',
      'callModel: turn-1',
      'callTool: turn-1',
      'callModel: turn-1',
      'appendRecords: ',
      'callModel: turn-2',
      'appendRecords: ',
      'appendRecords: ',
    ]);
  });
});

test('where they are not, a session runs as ever', async () => {
  const bare = await startDevServer({ binary: inject('temporalBinary') });
  const { address } = bare;
  const plain = await startStack({ address, files: { 'tools.ts': TOOLS }, script, config: CONFIG });
  try {
    const session = await plain.start({ input: 'look' });
    expect(await session.result()).toMatchObject({ outcome: 'answered' });
    expect(await attributes(session)).toEqual({});
    expect(await upserts(session)).toEqual([]);
    const listed = async (...args: string[]): Promise<string> =>
      (await aegrail(['sessions', '--agent', 'bot', '--address', address, ...args])).out;
    await expect.poll(() => listed('--state', 'answered', '--user', 'ann@acme.com')).toContain(session.id);
    expect(await listed('--state', 'running')).not.toContain(session.id);
    expect(await aegrail(['sessions', '--address', address, '--state', 'approval'])).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringContaining('"aegrail search-attributes" registers them') as string,
    });
  } finally {
    await plain.close();
    await bare.stop();
  }
});
