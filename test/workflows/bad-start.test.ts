import { randomUUID } from 'node:crypto';
import { WorkflowFailedError } from '@temporalio/client';
import { ApplicationFailure, type Payload } from '@temporalio/common';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AegrailError } from '../../src/core/errors.ts';
import { loop } from '../../src/model-endpoint/index.ts';
import { SESSION_WORKFLOW } from '../../src/protocol.ts';
import { botConfig, type Stack, startStack } from '../harness/stack.ts';

/** A session that is not over after so long is taken for stuck. */
const STUCK_MS = 15_000;

let stack: Stack;

beforeAll(async () => {
  const limits = { usd: 1, tokens: 50_000, wallSeconds: 60, maxToolCalls: 5, maxRecursionDepth: 1 };
  stack = await startStack({ config: botConfig({ limits }), script: loop({ say: 'Hello.' }) });
});

afterAll(() => stack.close());

const GOOD = { agent: 'bot', user: 'ann@acme.com', input: 'Hello.' };

/** A payload as a client in another language would make it: encoding and bytes. */
function payload(data: string | Uint8Array, encoding = 'json/plain'): Payload {
  const bytes = typeof data === 'string' ? Buffer.from(data) : data;
  return { metadata: { encoding: Buffer.from(encoding) }, data: bytes };
}

function json(value: unknown): Payload {
  return payload(JSON.stringify(value));
}

/** Starts a session past the SDK's client: just the bytes. */
async function startRaw(
  payloads: readonly Payload[],
  more: object = {},
  workflowId = `raw-${randomUUID()}`,
): Promise<string> {
  await stack.client.workflowService.startWorkflowExecution({
    namespace: 'default',
    workflowId,
    workflowType: { name: SESSION_WORKFLOW },
    taskQueue: { name: stack.taskQueue },
    requestId: randomUUID(),
    input: { payloads: [...payloads] },
    ...more,
  });
  return workflowId;
}

/** The failure that a session ended with. It must be one, at once, and no workflow task may have failed on the way. */
async function failureOf(workflowId: string): Promise<ApplicationFailure> {
  const handle = stack.client.workflow.getHandle(workflowId);
  const thrown: unknown = await stack.client.withDeadline(Date.now() + STUCK_MS, () =>
    handle.result().then(
      () => null,
      (error: unknown) => error,
    ),
  );
  const { events } = await handle.fetchHistory();
  const failedTasks = (events ?? []).filter((event) => event.workflowTaskFailedEventAttributes);
  expect(failedTasks.map((event) => event.workflowTaskFailedEventAttributes?.failure?.message)).toEqual([]);
  expect(thrown).toBeInstanceOf(WorkflowFailedError);
  expect((await handle.describe()).status.name).toBe('FAILED');
  const { cause } = thrown as WorkflowFailedError;
  expect(cause).toBeInstanceOf(ApplicationFailure);
  return cause as ApplicationFailure;
}

async function expectRefusal(payloads: readonly Payload[], type: string, says: RegExp): Promise<void> {
  const failure = await failureOf(await startRaw(payloads));
  expect(failure).toMatchObject({ type, nonRetryable: true });
  expect(failure.message).toMatch(says);
  // The message is for a log and a terminal: one line, and no page of what was sent.
  expect(failure.message).not.toMatch(/\p{Cc}/u);
  expect(failure.message.isWellFormed()).toBe(true);
  expect(failure.message.length).toBeLessThan(600);
}

test('a session does not begin under the id of an account', async () => {
  const session = `account:${randomUUID()}`;
  await expect(stack.aegrail.start({ ...GOOD, session })).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  const failure = await failureOf(await startRaw([json(GOOD)], {}, session));
  expect(failure).toMatchObject({ type: 'INPUT_INVALID' });
  expect(failure.message).toMatch(/begins with account:/);
});

const NESTED = `${'['.repeat(20_000)}${']'.repeat(20_000)}`;
const UNREADABLE = /can not be read/;

test.each<[string, Payload[], RegExp]>([
  ['text that is not JSON', [payload('{"agent": "bot",')], UNREADABLE],
  ['no bytes at all', [payload('')], UNREADABLE],
  ['what a terminal would obey', [payload('\u001b[2J\n{'.repeat(100))], UNREADABLE],
  ['an encoding that nobody knows', [payload(JSON.stringify(GOOD), 'json/cbor')], /can not be read.*json\/cbor/],
  ['no encoding', [{ data: Buffer.from(JSON.stringify(GOOD)) }], UNREADABLE],
  ['bytes', [payload(JSON.stringify(GOOD), 'binary/plain')], /JSON/],
  ['null of the SDK', [payload('', 'binary/null')], /no argument/],
  ['bytes that are no UTF-8', [payload(Buffer.from([0x22, 0xff, 0xfe, 0x22]))], /one JSON object/],
  ['no argument', [], /no argument/],
  ['two arguments', [json(GOOD), json(GOOD)], /2 arguments/],
  ['an unreadable second argument', [json(GOOD), payload('{')], /2 arguments/],
  ['a list', [json([GOOD])], /one JSON object/],
  ['null', [json(null)], /one JSON object/],
  ['text', [json('bot')], /one JSON object/],
])('a start with %s ends at once as INPUT_INVALID', async (_what, payloads, says) => {
  await expectRefusal(payloads, 'INPUT_INVALID', says);
});

test.each<[string, string, RegExp]>([
  ['no agent', '{"user":"ann","input":"x"}', /agent must be text, but is missing/],
  ['an empty user', JSON.stringify({ ...GOOD, user: '' }), /user is empty/],
  ['a blank user', JSON.stringify({ ...GOOD, user: ' \u3000 ' }), /user is empty/],
  ['a user with control characters', JSON.stringify({ ...GOOD, user: 'ann\u001b[2J' }), /control characters/],
  ['a user with a newline', JSON.stringify({ ...GOOD, user: 'ann\nbob' }), /control characters/],
  ['a long user', JSON.stringify({ ...GOOD, user: 'u'.repeat(257) }), /257 characters/],
  ['a user that is a number', JSON.stringify({ ...GOOD, user: 7 }), /user must be text, but is a number/],
  ['input that is no text', JSON.stringify({ ...GOOD, input: { text: 'x' } }), /input must be text/],
  ['input that is too long', JSON.stringify({ ...GOOD, input: 'x'.repeat(1_000_001) }), /1000001 characters/],
  ['an unknown key', JSON.stringify({ ...GOOD, budget: 3 }), /budget is not known/],
  ['an unknown key with control characters', JSON.stringify({ ...GOOD, '\u001b[31mred': 3 }), /is not known/],
  ['an unknown key that is long', JSON.stringify({ ...GOOD, ['k'.repeat(500_000)]: 3 }), /is not known/],
  ['an unknown key with an emoji at its cut', JSON.stringify({ ...GOOD, [`${'k'.repeat(63)}😀`]: 3 }), /is not known/],
  ['an unknown limit', JSON.stringify({ ...GOOD, limits: { euro: 3 } }), /limits\.euro is not known/],
  ['limits that are no object', JSON.stringify({ ...GOOD, limits: [1] }), /limits must be an object/],
  ['a flag that is text', JSON.stringify({ ...GOOD, failOnKill: 'yes' }), /failOnKill must be true or false/],
  ['a key __proto__', '{"agent":"bot","user":"ann","input":"x","__proto__":{"limits":{}}}', /__proto__/],
  [
    'a key __proto__ in limits',
    '{"agent":"bot","user":"ann","input":"x","limits":{"__proto__":{"usd":9}}}',
    /__proto__/,
  ],
  ['20,000 levels as input', `{"agent":"bot","user":"ann","input":${NESTED}}`, /nested too deep/],
  ['20,000 levels', NESTED, /nested too deep/],
  ['a lone surrogate', '{"agent":"bot","user":"ann","input":"\\ud800"}', /lone surrogate/],
  ['a key with a lone surrogate', '{"agent":"bot","user":"ann","input":"x","\\udc00":1}', /lone surrogate/],
  ['2^53+1', '{"agent":"bot","user":"ann","input":"x","limits":{"tokens":9007199254740993}}', /2\^53/],
  ['1e400', '{"agent":"bot","user":"ann","input":"x","limits":{"usd":1e400}}', /not a finite number/],
])('a start with %s ends at once as INPUT_INVALID', async (_what, text, says) => {
  await expectRefusal([payload(text)], 'INPUT_INVALID', says);
});

test.each<[string, unknown, RegExp]>([
  ['a negative usd', { usd: -0.01 }, /limits\.usd/],
  ['usd finer than a nano-USD', { usd: 1e-10 }, /limits\.usd.*nano/],
  ['usd that is NaN in JSON', { usd: null }, /limits\.usd.*null/],
  ['usd that is NaN in text', { usd: 'NaN' }, /limits\.usd.*NaN/],
  ['a page of text as usd', { usd: 'x'.repeat(500_000) }, /limits\.usd/],
  ['an emoji at the cut as usd', { usd: '😀'.repeat(1_000) }, /limits\.usd/],
  ['fractional tokens', { tokens: 10.5 }, /limits\.tokens.*10\.5/],
  ['negative tokens', { tokens: -1 }, /limits\.tokens.*-1/],
  ['fractional tool calls', { maxToolCalls: 0.5 }, /limits\.maxToolCalls.*0\.5/],
  ['no time at all', { wallSeconds: 0 }, /limits\.wallSeconds.*0/],
  ['a tenth of a millisecond', { wallSeconds: 0.0001 }, /limits\.wallSeconds/],
  ['a fractional depth', { maxRecursionDepth: 0.1 }, /limits\.maxRecursionDepth/],
  ['an object as a limit', { tokens: { $gt: 0 } }, /limits\.tokens/],
])('a start with %s ends at once as INPUT_INVALID', async (_what, limits, says) => {
  await expectRefusal([json({ ...GOOD, limits })], 'INPUT_INVALID', says);
});

test.each<[string, object, string, RegExp]>([
  ['an unknown agent', { ...GOOD, agent: 'boss' }, 'AGENT_UNKNOWN', /no agent "boss" here\. The agents are: bot/],
  ['an agent called __proto__', { ...GOOD, agent: '__proto__' }, 'AGENT_UNKNOWN', /no agent "__proto__"/],
  ['another version', { ...GOOD, version: 'v2' }, 'CONTRACT_VERSION', /version v1 here, and v2 was asked for/],
  [
    'more usd',
    { ...GOOD, limits: { usd: 1.000000001 } },
    'LIMIT_ABOVE_CONTRACT',
    /1\.000000001, above the contract's 1/,
  ],
  ['more tokens', { ...GOOD, limits: { tokens: 50_001 } }, 'LIMIT_ABOVE_CONTRACT', /limits\.tokens/],
  ['more time', { ...GOOD, limits: { wallSeconds: 60.001 } }, 'LIMIT_ABOVE_CONTRACT', /limits\.wallSeconds/],
  ['more tool calls', { ...GOOD, limits: { maxToolCalls: 6 } }, 'LIMIT_ABOVE_CONTRACT', /limits\.maxToolCalls/],
  ['more depth', { ...GOOD, limits: { maxRecursionDepth: 2 } }, 'LIMIT_ABOVE_CONTRACT', /limits\.maxRecursionDepth/],
])('a start with %s ends at once', async (_what, input, type, says) => {
  await expectRefusal([json(input)], type, says);
});

describe('size', () => {
  test('3 MB are refused by the server, before there is a session', async () => {
    await expect(startRaw([json({ ...GOOD, input: 'x'.repeat(3_000_000) })])).rejects.toThrow(/exceeds limit/i);
  });

  test.each([
    ['three bytes a character', '€'.repeat(699_000)],
    ['six bytes a character', '\u0001'.repeat(349_500)],
  ])('a start just below the limit of a payload, %s, does not get stuck', async (_what, input) => {
    await expectRefusal([json({ ...GOOD, input })], 'INPUT_INVALID', /bytes/);
  });

  test('the longest input that is allowed runs through to the model', async () => {
    const workflowId = await startRaw([json({ ...GOOD, input: 'x'.repeat(1_000_000) })]);
    const result = await stack.client.withDeadline(Date.now() + STUCK_MS, () =>
      stack.aegrail.session(workflowId).result(),
    );
    // A million bytes are more tokens than it may use.
    expect(result).toMatchObject({ outcome: 'killed', reason: 'tokens' });
  });
});

test('a memo that can not be read does not keep a session from running', async () => {
  const workflowId = await startRaw([json(GOOD)], { memo: { fields: { note: payload('{') } } });
  const session = stack.aegrail.session(workflowId);
  expect(await stack.client.withDeadline(Date.now() + STUCK_MS, () => session.result())).toMatchObject({
    answer: 'Hello.',
  });
});

test('a start by the plain client, without a word of ours, is a session', async () => {
  const handle = await stack.client.workflow.start(SESSION_WORKFLOW, {
    taskQueue: stack.taskQueue,
    workflowId: `plain-${randomUUID()}`,
    args: [{ ...GOOD, limits: { usd: 0.5, wallSeconds: 30 } }],
  });
  expect(await handle.result()).toMatchObject({ outcome: 'answered', answer: 'Hello.', limits: { usd: 0.5 } });
});

test('our own client refuses bad input before anything is sent', async () => {
  const start = stack.aegrail.start({ agent: 'bot', user: '', input: 'x' });
  await expect(start).rejects.toMatchObject({ constructor: AegrailError, code: 'INPUT_INVALID' });
});

test('nothing of what was refused has asked the model or left a record', async () => {
  const before = stack.endpoint.calls.length;
  const workflowId = await startRaw([json({ ...GOOD, agent: 'boss' })]);
  await failureOf(workflowId);
  expect(stack.endpoint.calls).toHaveLength(before);
  expect(await stack.records(workflowId)).toEqual([]);
});
