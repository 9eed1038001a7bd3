import { createHash, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { bundleWorkflowCode, DefaultLogger, Worker } from '@temporalio/worker';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { canonicalJson } from '../../src/core/canonical.ts';
import type { Contract } from '../../src/core/contract.ts';
import { makeRecord, type Moment } from '../../src/core/make-record.ts';
import { makePrincipal } from '../../src/core/principal.ts';
import type { AuditRecord, Events } from '../../src/core/record.ts';
import { emptyState } from '../../src/core/session-state.ts';
import { loop } from '../../src/model-endpoint/index.ts';
import type { Envelope, Permit, ToolCall } from '../../src/calls.ts';
import { SESSION_WORKFLOW } from '../../src/protocol.ts';
import { toolsModule } from '../harness/stack.ts';
import { type Bench, startBench } from './kit.ts';
import { OWN_RUN, type RogueEnd, type RogueStep } from './rogue-workflow.ts';

const TOOLS = toolsModule(`
import { appendFileSync } from 'node:fs';
export const mark = defineTool({
  description: 'Leaves a mark.',
  input: z.object({ n: z.number() }),
  execute: ({ n }, { sessionId }) => {
    appendFileSync(new URL('./runs.log', import.meta.url), sessionId + ' ' + n + '\\n');
    return 'marked';
  },
});`);

let bench: Bench;
let rogue: Worker;
let rogueRunning: Promise<void>;

beforeAll(async () => {
  const tools = { mark: { module: './tools.ts' } };
  const limits = { usd: 1, wallSeconds: 60 };
  const bot = { model: 'openai/gpt-5.4-mini', tools, limits };
  bench = await startBench({
    files: { 'tools.ts': TOOLS },
    config: { agents: { bot } },
    script: loop({ say: 'Hello.' }),
  });
  // Without our interceptors: nothing here asks the guard.
  const workflowBundle = await bundleWorkflowCode({
    workflowsPath: join(import.meta.dirname, 'rogue-workflow.ts'),
    payloadConverterPath: join(import.meta.dirname, 'rogue-converter.ts'),
    logger: new DefaultLogger('ERROR'),
  });
  rogue = await Worker.create({ connection: bench.connection, taskQueue: `${bench.taskQueue}-rogue`, workflowBundle });
  rogueRunning = rogue.run();
});

afterAll(async () => {
  rogue.shutdown();
  await rogueRunning;
  await bench.close();
});

/** Runs steps in a rogue workflow; the workflow id is the session's. */
async function schedule(
  sessionId: string,
  steps: readonly RogueStep[],
  workflowType = SESSION_WORKFLOW,
): Promise<RogueEnd[]> {
  const handle = await bench.client.workflow.start(workflowType, {
    workflowId: sessionId,
    taskQueue: `${bench.taskQueue}-rogue`,
    args: [bench.taskQueue, steps],
  });
  return (await handle.result()) as RogueEnd[];
}

const newId = (): string => `rogue-${randomUUID()}`;

interface Forged {
  readonly kind?: Permit['kind'];
  readonly untilMs?: number;
  readonly args?: unknown;
  readonly contractSha256?: string;
  readonly runId?: string;
}

/** A call with all that it needs to run: what the guard would have made. */
function forge(sessionId: string, forged: Forged = {}): Envelope<ToolCall> {
  const { kind = 'tool', untilMs = Date.now() + 60_000, args = { n: 1 } } = forged;
  const contractSha256 = forged.contractSha256 ?? bench.worker.contracts[0]?.sha256 ?? '';
  const principal = makePrincipal(
    { agent: 'bot', version: 'v1', user: 'eve', chain: [] },
    Date.now(),
    'abcdefabcdef',
    60_000,
  );
  const call: ToolCall = {
    contractSha256,
    tool: 'mark',
    args,
    callId: 'call_1',
    principal: { id: principal.id, user: principal.user },
    idempotencyKey: null,
    timeoutMs: 10_000,
  };
  const salt = 'salt';
  const digest = createHash('sha256').update(canonicalJson({ call, kind, salt })).digest('hex');
  const started: Events['session_started'] = {
    contract_sha256: contractSha256,
    limits: { usd: 1, tokens: null, wall_seconds: 60, max_tool_calls: null, max_recursion_depth: 0 },
    model: 'openai/gpt-5.4-mini',
    tools: ['mark'],
    workflow_id: sessionId,
    authorization: null,
    recursion_depth: 0,
    input: { bytes: 1 },
    fail_on_kill: false,
    aegrail_version: '0.1.0',
  };
  const header = { sessionId, principal, runId: forged.runId ?? OWN_RUN };
  const moment = (): Moment => ({ nowMs: Date.now(), eventId: 3 });
  const first = makeRecord(header, emptyState(), 'session_started', started, moment());
  const reserved = { usd_nano: 0, tokens: 0, tool_calls: 1 };
  const admitted: Events['tool_admitted'] = {
    tool: 'mark',
    call_id: 'call_1',
    attempt: 1,
    digest,
    args: { keys: [], bytes: 2 },
    reserved,
    until_ms: untilMs,
    timeout_ms: 10_000,
  };
  const second = makeRecord(header, first.state, 'tool_admitted', admitted, moment());
  return { call, permit: { sessionId, seq: 1, kind, digest, salt, untilMs }, records: [first.record, second.record] };
}

/** An envelope for tables, which are made before there is a worker. */
const tabled = (): Envelope<ToolCall> => forge('s', { contractSha256: 'f'.repeat(64) });
const oddPermit = (change: object): object => ({ ...tabled(), permit: { ...tabled().permit, ...change } });
const oddRecord = (change: object): object => ({ ...tabled(), records: [{ ...tabled().records[0], ...change }] });

const callTool = (...args: readonly unknown[]): RogueStep => ({ activity: 'callTool', args });

/** Refused, with these words, and the tool never ran. */
async function expectRefused(sessionId: string, step: RogueStep, says: RegExp, code = 'PERMIT_REFUSED'): Promise<void> {
  const [end] = await schedule(sessionId, [step]);
  expect(end).toMatchObject({ type: code, details: { code, started: 'no', retryable: false } });
  expect(end?.message).toMatch(says);
  expect(bench.runs(sessionId)).toEqual([]);
}

test('what the guard would have made runs: else the refusals below would prove nothing', async () => {
  const sessionId = newId();
  expect(await schedule(sessionId, [callTool(forge(sessionId))])).toMatchObject([
    { answer: { isError: false, bytes: 6 } },
  ]);
  expect(bench.runs(sessionId)).toEqual([`${sessionId} 1`]);
});

describe('an envelope that is none', () => {
  test.each<[string, readonly unknown[], RegExp]>([
    ['no argument', [], /0 arguments/],
    ['two arguments', [{}, {}], /2 arguments/],
    ['null', [null], /malformed/],
    ['text', ['run it'], /malformed/],
    ['a list', [[]], /malformed/],
    ['an empty object', [{}], /malformed/],
    ['bytes that are not JSON', [{ rawPayload: '{"call":' }], /not plain JSON/],
    ['20,000 levels', [{ rawPayload: `${'['.repeat(20_000)}${']'.repeat(20_000)}` }], /nested too deep/],
    ['a key __proto__', [{ rawPayload: '{"call":{"__proto__":{}},"permit":null,"records":[]}' }], /__proto__/],
    ['a lone surrogate', [{ rawPayload: '{"call":{"tool":"\\ud800"},"permit":null,"records":[]}' }], /lone surrogate/],
    ['an unknown key', [{ call: {}, permit: null, records: [], admin: true }], /malformed/],
    ['records that are no list', [{ call: {}, permit: null, records: {} }], /malformed/],
    ['a record without a seq', [{ call: {}, permit: null, records: [{ v: 1 }] }], /malformed/],
    ['a record that is a list', [{ call: {}, permit: null, records: [[]] }], /records\[0\] is no object/],
    ['a record with text as seq', [oddRecord({ seq: '0' })], /records\[0\]\.seq/],
    ['a record before the first', [oddRecord({ seq: -1 })], /records\[0\]\.seq/],
    ['a record between two', [oddRecord({ seq: 0.5 })], /records\[0\]\.seq/],
    ['a record without an event', [oddRecord({ event: null })], /records\[0\]\.event/],
    ['a record whose payload is text', [oddRecord({ payload: 'x' })], /records\[0\]\.payload/],
    ['a call that is a list', [{ call: [], permit: null, records: [] }], /malformed: call/],
    ['a permit left out', [{ call: {}, records: [] }], /malformed: permit/],
    ['a permit that is a list', [{ call: {}, permit: [], records: [] }], /malformed: permit/],
    ['a permit of another kind', [oddPermit({ kind: 'shell' })], /permit\.kind/],
    ['a permit with a short digest', [oddPermit({ digest: 'abc' })], /permit\.digest/],
    ['a permit with a digest and a line more', [oddPermit({ digest: `${'a'.repeat(64)}\n` })], /permit\.digest/],
    ['a permit with a long salt', [oddPermit({ salt: 'x'.repeat(65) })], /permit\.salt/],
    ['a permit without an end', [oddPermit({ untilMs: null })], /permit\.untilMs/],
    ['a permit before the first record', [oddPermit({ seq: -1 })], /permit\.seq/],
    ['a permit with an unknown key', [oddPermit({ admin: true })], /malformed.*known are permit\.sessionId/],
    ['a contract that is no hash', [{ call: { contractSha256: '../x' }, permit: null, records: [] }], /malformed/],
    ['no permit', [{ call: {}, permit: null, records: [] }], /no permit/],
  ])('%s is refused', async (_what, args, says) => {
    await expectRefused(newId(), callTool(...args), says);
  });

  test('openSession and appendRecords read theirs as carefully', async () => {
    const ends = await schedule(newId(), [
      { activity: 'openSession', args: [] },
      { activity: 'openSession', args: [{ call: {}, permit: null, records: [] }] },
      {
        activity: 'openSession',
        args: [{ call: { input: { agent: 'bot', user: '', input: 'x' } }, permit: null, records: [] }],
      },
      { activity: 'appendRecords', args: [{ rawPayload: '{' }] },
    ]);
    expect(ends.map(({ type }) => type)).toEqual([
      'PERMIT_REFUSED',
      'INPUT_INVALID',
      'INPUT_INVALID',
      'PERMIT_REFUSED',
    ]);
  });
});

describe('a permit that does not hold', () => {
  const forgery =
    (change: (envelope: Envelope<ToolCall>, sessionId: string) => object, forged: Forged = {}) =>
    (sessionId: string): object => {
      const envelope = forge(sessionId, forged);
      return { ...envelope, ...change(envelope, sessionId) };
    };
  const permit = (change: Partial<Permit>) =>
    forgery((envelope) => ({ permit: { ...(envelope.permit as Permit), ...change } }));

  test.each<[string, (sessionId: string) => object, RegExp]>([
    ['is for other arguments', forgery(({ call }) => ({ call: { ...call, args: { n: 2 } } })), /other arguments/],
    ['is for another tool', forgery(({ call }) => ({ call: { ...call, tool: 'other' } })), /other arguments/],
    [
      'is for another principal',
      forgery(({ call }) => ({ call: { ...call, principal: { id: 'x', user: 'boss' } } })),
      /other arguments/,
    ],
    ['has a longer timeout', forgery(({ call }) => ({ call: { ...call, timeoutMs: 1e9 } })), /other arguments/],
    ['has an argument more', forgery(({ call }) => ({ call: { ...call, more: 1 } })), /other arguments/],
    ['has another salt', permit({ salt: 'pepper' }), /other arguments/],
    ['is of another session', permit({ sessionId: 'another' }), /another call/],
    ['is for a model', permit({ kind: 'model' }), /another call/],
    ['names a record that is not there', permit({ seq: 7 }), /no record 7 admits it/],
    ['names a record that admits nothing', permit({ seq: 0 }), /no record 0 admits it/],
    ['has expired', forgery(() => ({}), { untilMs: Date.now() - 1 }), /expired/],
    ['was admitted as a model call', forgery(() => ({}), { kind: 'model' }), /another call/],
    [
      'has no admission in the store',
      forgery(({ records }) => ({ records: records.slice(0, 1) })),
      /no record 1 admits it/,
    ],
    ['brings no records at all', forgery(() => ({ records: [] })), /no record 1 admits it/],
  ])('%s: refused', async (_what, envelope, says) => {
    const sessionId = newId();
    await expectRefused(sessionId, callTool(envelope(sessionId)), says);
    // What a forger brings along stays out of the store.
    expect(await bench.records(sessionId)).toEqual([]);
  });

  test('a record that admits another call lets nothing run, whether it is stored or rides along', async () => {
    const sessionId = newId();
    const real = forge(sessionId);
    const { call, permit } = forge(sessionId, { args: { n: 2 } });
    const forged = { call, permit, records: real.records };
    const append = { activity: 'appendRecords', args: [{ call: {}, permit: null, records: real.records }] };
    const ends = await schedule(sessionId, [
      callTool(forged),
      append,
      callTool(forged),
      callTool({ ...forged, records: [] }),
      callTool({ ...real, records: [] }),
    ]);
    const refusal = (stored: boolean): object => ({
      type: 'PERMIT_REFUSED',
      message: expect.stringMatching(/no record 1 admits it/) as string,
      details: { started: 'no', stored },
    });
    // It is said to be stored only when it is.
    expect(ends).toMatchObject([
      refusal(false),
      { answer: null },
      refusal(true),
      refusal(true),
      { answer: { bytes: 6 } },
    ]);
    expect(bench.runs(sessionId)).toEqual([`${sessionId} 1`]);
  });

  test("a tool's permit does not let a model be called", async () => {
    const sessionId = newId();
    const billed = bench.endpoint.calls.length;
    await expectRefused(sessionId, { activity: 'callModel', args: [forge(sessionId)] }, /another call/);
    expect(bench.endpoint.calls).toHaveLength(billed);
  });

  test('used twice runs once', async () => {
    const sessionId = newId();
    const envelope = forge(sessionId);
    const ends = await schedule(sessionId, [
      callTool(envelope),
      callTool(envelope),
      callTool({ ...envelope, records: [] }),
    ]);
    expect(ends).toMatchObject([
      { answer: { bytes: 6 } },
      // It may have run, and did: so it is not said that it surely did not.
      {
        type: 'PERMIT_REFUSED',
        message: expect.stringMatching(/started before/) as string,
        details: { started: 'maybe' },
      },
      { type: 'PERMIT_REFUSED', details: { started: 'maybe' } },
    ]);
    expect(bench.runs(sessionId)).toHaveLength(1);
  });

  test('a workflow of another type has no business here', async () => {
    const sessionId = newId();
    const [end] = await schedule(sessionId, [callTool(forge(sessionId))], 'someOtherWorkflow');
    expect(end).toMatchObject({
      type: 'PERMIT_REFUSED',
      message: expect.stringMatching(/someOtherWorkflow/) as string,
    });
    expect(await bench.records(sessionId)).toEqual([]);
    expect(bench.runs(sessionId)).toEqual([]);
  });
});

describe('an account', () => {
  const call = { per: 'day', timeZone: 'UTC', atMs: 0 };

  test('may ask when its window ends', async () => {
    const steps = [{ activity: 'accountWindow', args: [{ call, permit: null, records: [] }] }];
    expect(await schedule(newId(), steps, 'budgetAccount')).toEqual([{ answer: { startMs: 0, endMs: 86_400_000 } }]);
  });

  test.each(['callTool', 'appendRecords', 'openSession', 'leaseMore'])('has no business with %s', async (activity) => {
    const sessionId = newId();
    const steps = [{ ...callTool(forge(sessionId)), activity }];
    const [end] = await schedule(sessionId, steps, 'budgetAccount');
    expect(end).toMatchObject({ type: 'PERMIT_REFUSED', message: expect.stringMatching(/budgetAccount/) as string });
    expect(await bench.records(sessionId)).toEqual([]);
    expect(bench.runs(sessionId)).toEqual([]);
  });

  test.each(['accountWindow', 'lookAtHolders'])('and a session has none with %s', async (activity) => {
    const steps = [{ activity, args: [{ call: { ...call, holders: [] }, permit: null, records: [] }] }];
    expect(await schedule(newId(), steps)).toMatchObject([{ type: 'PERMIT_REFUSED' }]);
  });
});

describe('records that ride along', () => {
  test('of another run are refused, and nothing of them is stored: a run that was reset must learn it first', async () => {
    const sessionId = newId();
    await expectRefused(sessionId, callTool(forge(sessionId, { runId: randomUUID() })), /was reset/, 'AUDIT_FORK');
    expect(await bench.records(sessionId)).toEqual([]);
  });

  test('of another session are refused, and stay out of both logs', async () => {
    const [mine, victim] = [newId(), newId()];
    await expectRefused(mine, callTool(forge(victim)), /record of another session/);
    await expectRefused(
      mine.concat('-2'),
      { activity: 'appendRecords', args: [{ call: {}, permit: null, records: forge(victim).records }] },
      /another session/,
    );
    expect(await bench.records(victim)).toEqual([]);
    expect(await bench.records(mine)).toEqual([]);
  });

  test('with a gap, or another past, are a fork: the call does not run', async () => {
    const gap = newId();
    await expectRefused(gap, callTool({ ...forge(gap), records: forge(gap).records.slice(1) }), /gap/, 'AUDIT_FORK');
    const past = newId();
    const other: AuditRecord = { ...(forge(past).records[0] as AuditRecord), ts: '2020-01-01T00:00:00.000Z' };
    const ends = await schedule(past, [
      { activity: 'appendRecords', args: [{ call: {}, permit: null, records: [other] }] },
      callTool(forge(past)),
    ]);
    expect(ends).toMatchObject([
      { answer: null },
      { type: 'AUDIT_FORK', details: { started: 'no', retryable: false } },
    ]);
    expect(bench.runs(past)).toEqual([]);
  });
});

test('best_effort: with the store down a permit holds only when its admission rides along', async () => {
  const { contract } = bench.worker.contracts[0] as { contract: Contract };
  const contractSha256 = await bench.store.putContract(canonicalJson({ ...contract, audit: 'best_effort' }));
  const sessionId = newId();
  const real = forge(sessionId, { contractSha256 });
  const { call, permit } = forge(sessionId, { contractSha256, args: { n: 2 } });
  const append = { activity: 'appendRecords', args: [{ call: {}, permit: null, records: real.records }] };
  const mend = bench.breakTable('claims', sessionId);
  const ends = await schedule(sessionId, [
    append,
    callTool({ ...real, records: [] }),
    callTool({ call, permit, records: real.records }),
    callTool(real),
  ]);
  mend();
  expect(ends).toMatchObject([
    { answer: null },
    { type: 'AUDIT_UNAVAILABLE', details: { started: 'no', stored: false, retryable: true } },
    { type: 'PERMIT_REFUSED', message: expect.stringMatching(/no record 1 admits it/) as string },
    { answer: { bytes: 6, unstored: true } },
  ]);
  expect(bench.runs(sessionId)).toEqual([`${sessionId} 1`]);
});

describe('a contract', () => {
  test('that the store does not have permits nothing', async () => {
    const sessionId = newId();
    await expectRefusedCode(sessionId, forge(sessionId, { contractSha256: 'f'.repeat(64) }), 'TOOL_UNKNOWN');
  });

  test('that names a server which this worker has no more: the call did not start', async () => {
    const { contract } = bench.worker.contracts[0] as { contract: Contract };
    const gone = {
      ...contract,
      tools: { mark: { ...contract.tools['mark'], source: { kind: 'mcp', server: 'gone', tool: 'x' } } },
    };
    const sessionId = newId();
    const contractSha256 = await bench.store.putContract(canonicalJson(gone));
    await expectRefusedCode(sessionId, forge(sessionId, { contractSha256 }), 'TOOL_NOT_CONFIGURED');
  });

  async function expectRefusedCode(sessionId: string, envelope: Envelope<ToolCall>, code: string): Promise<void> {
    const [end] = await schedule(sessionId, [callTool(envelope)]);
    expect(end).toMatchObject({ details: { code, started: 'no', retryable: false } });
    expect(bench.runs(sessionId)).toEqual([]);
  }
});
