import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { callKey, callsInHistory, sessionIdOf } from '../../src/audit/asked-in-history.ts';
import { parseHistory } from '../../src/audit/history-json.ts';

const text = readFileSync(new URL('../replay/histories/0.1.0/answered-with-refusals.json', import.meta.url), 'utf8');

interface Json {
  events: Record<string, unknown>[];
}

/** The history with something changed in it. */
function changed(change: (json: Json) => void): string {
  const json = JSON.parse(text) as Json;
  change(json);
  return JSON.stringify(json);
}

/** As JSON.stringify writes what the client gives. */
const asOfClient = (): string => JSON.stringify(parseHistory(text, 'h.json'));

describe.each([
  ["protobuf's JSON", () => text],
  ["the client's objects", asOfClient],
])('a history as %s', (_name, json) => {
  test('gives contract, input, answers with what they ask for, and the calls that were scheduled', async () => {
    const history = parseHistory(json(), 'h.json');
    expect(sessionIdOf(history, 'h.json')).toBe('answered-with-refusals');
    const { input, opened, answers, tools } = await callsInHistory([history], undefined);
    expect(input).toMatchObject({ agent: 'bot', user: 'ann@acme.com' });
    expect(opened.contract.tools).toHaveProperty('refund.when.cel');
    expect([...answers.values()].map(({ asked }) => asked.map(({ tool }) => tool))).toEqual([
      ['lookup_order', 'refund', 'wipe_disk', 'refund'],
      ['refund', 'flaky'],
      [],
    ]);
    expect([...answers.values()][0]?.asked[1]).toMatchObject({ args: { amount: 500 }, problem: null });
    expect([...answers.values()][0]?.asked[3]?.problem).toContain('they are not JSON');
    expect([...tools.values()].map(({ tool, args }) => [tool, args])).toEqual([
      ['lookup_order', { id: '4521' }],
      ['refund', { id: '4521', amount: 20 }],
      ['flaky', {}],
    ]);
    expect([...tools.keys()][0]).toMatch(/^3 [0-9a-f]{64}$/);
    expect(callKey(3, 'ab')).toBe('3 ab');
  });
});

test('both are the same history', () => {
  expect(JSON.stringify(parseHistory(asOfClient(), 'h.json'))).toBe(asOfClient());
});

describe('what is no history is told so, with its name', () => {
  test.each([
    [
      'text',
      'Progress:\n  ID  Time',
      /^h\.json is no workflow history: it is no JSON \(.*temporal workflow show -w ID -o json$/,
    ],
    ['truncated JSON', text.slice(0, text.length / 2), /it is no JSON/],
    ['a list', '[]', /it has no list of events/],
    ['no events', '{"events":[]}', /it has no events/],
    ['events that are none', '{"events":[{"eventTime":"yesterday"}]}', /is no workflow history/],
    [
      'an event of a kind that can not be',
      '{"events":[{"eventTime":"2026-01-01T00:00:00Z","eventId":{}}]}',
      /is no workflow history/,
    ],
    ['a number', '7', /it has no list of events/],
  ])('%s', (_name, json, why) => {
    expect(() => parseHistory(json, 'h.json')).toThrow(
      expect.objectContaining({ code: 'LOG_INVALID', message: expect.stringMatching(why) as string }),
    );
  });

  test('the history of another workflow', () => {
    const other = changed(({ events: [first] }) => {
      (
        first as { workflowExecutionStartedEventAttributes: { workflowType: unknown } }
      ).workflowExecutionStartedEventAttributes.workflowType = {
        name: 'other',
      };
    });
    expect(() => sessionIdOf(parseHistory(other, 'h.json'), 'h.json')).toThrow(
      expect.objectContaining({
        code: 'SESSION_UNKNOWN',
        message: 'h.json is of no session: it is of a workflow of type other.',
      }),
    );
  });

  test('one without its head', () => {
    const rest = changed((json) => void json.events.shift());
    expect(() => sessionIdOf(parseHistory(rest, 'h.json'), 'h.json')).toThrow(/its head is missing/);
  });
});

describe('what can not be read', () => {
  const withResult = (payload: object): string =>
    changed(({ events }) => {
      const done = events.find((event) => 'activityTaskCompletedEventAttributes' in event);
      (
        done as { activityTaskCompletedEventAttributes: { result: unknown } }
      ).activityTaskCompletedEventAttributes.result = {
        payloads: [payload],
      };
    });
  const base64 = (value: string): string => Buffer.from(value).toString('base64');

  test.each([
    [
      'half of a payload',
      { metadata: { encoding: base64('json/plain') }, data: base64('{"contract":') },
      /Event 7 of the history/,
    ],
    [
      'another encoding',
      { metadata: { encoding: base64('json/protobuf') }, data: '' },
      /its encoding is "json\/protobuf"/,
    ],
    ['encrypted', { metadata: { encoding: base64('binary/encrypted') }, data: '' }, /it is encrypted/],
    ['none', { metadata: { encoding: base64('binary/null') } }, /was never opened/],
  ])('%s', async (_name, payload, why) => {
    const history = parseHistory(withResult(payload), 'h.json');
    await expect(callsInHistory([history], undefined)).rejects.toMatchObject({
      code: 'LOG_INVALID',
      message: expect.stringMatching(why) as string,
    });
  });

  test('a session that was never opened', async () => {
    const unopened = changed((json) => void json.events.splice(4));
    await expect(callsInHistory([parseHistory(unopened, 'h.json')], undefined)).rejects.toMatchObject({
      message: 'The session was never opened: its history has no contract.',
    });
  });
});
