import { describe, expect, it } from 'vitest';
import { loop } from '../../src/model-endpoint/index.ts';
import { endpointFor } from './peers.ts';

const user = { role: 'user', content: 'hi' };
const call = (id: string) => ({ id, type: 'function', function: { name: 't', arguments: '{}' } });
const asked = (...ids: string[]) => ({ role: 'assistant', content: null, tool_calls: ids.map(call) });
const answered = (id: string) => ({ role: 'tool', tool_call_id: id, content: 'r' });
const use = (id: string) => ({ type: 'tool_use', id, name: 't', input: {} });
const result = (id: string) => ({ type: 'tool_result', tool_use_id: id, content: 'r' });

async function post(
  path: string,
  body: unknown,
  headers: Record<string, string> = {},
): Promise<{ status: number; text: string }> {
  const endpoint = await endpointFor(loop({ say: 'fine' }), { requireKey: true });
  const response = await fetch(`${endpoint.url}${path}`, {
    method: 'POST',
    headers: { authorization: 'Bearer k', 'x-api-key': 'k', 'anthropic-version': '2023-06-01', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  expect(endpoint.calls).toHaveLength(response.ok ? 1 : 0);
  return { status: response.status, text: await response.text() };
}

describe('chat completions', () => {
  const base = { model: 'm', messages: [user] };
  it.each<[string, object | string, string]>([
    ['no JSON', '{"model":', 'could not parse the JSON body'],
    ['no object', '[]', 'must be an object'],
    ['no model', { messages: [user] }, 'you must provide a model parameter'],
    ['no messages', { model: 'm' }, "Missing required parameter: 'messages'"],
    ['empty messages', { model: 'm', messages: [] }, 'empty array'],
    ['an unknown argument', { ...base, maxTokens: 5 }, 'Unrecognized request argument supplied: maxTokens'],
    ['streaming', { ...base, stream: true }, 'does not stream'],
    ['two choices', { ...base, n: 2 }, 'n must be 1'],
    ['no cap at all', { ...base, max_tokens: 0 }, "Invalid 'max_tokens'"],
    ['two caps', { ...base, max_tokens: 5, max_completion_tokens: 5 }, 'at the same time'],
    ['tool_choice without tools', { ...base, tool_choice: 'auto' }, "only allowed when 'tools' are specified"],
    [
      'a tool with a dot in its name',
      { ...base, tools: [{ type: 'function', function: { name: 'a.b' } }] },
      'does not match pattern',
    ],
    [
      'a schema that is no object',
      { ...base, tools: [{ type: 'function', function: { name: 'a', parameters: { type: 'string' } } }] },
      'Invalid schema for function',
    ],
    ['an unknown role', { ...base, messages: [{ role: 'robot', content: 'x' }] }, 'Supported values are'],
    ['null content', { ...base, messages: [{ role: 'user', content: null }] }, 'messages[0].content'],
    [
      'arguments that are no text',
      {
        ...base,
        messages: [
          user,
          { role: 'assistant', content: null, tool_calls: [{ ...call('a'), function: { name: 't', arguments: {} } }] },
          answered('a'),
        ],
      },
      'function.arguments',
    ],
    ['a result of nothing', { ...base, messages: [user, answered('a')] }, 'must be a response to a preceeding message'],
    [
      'a result of another call',
      { ...base, messages: [user, asked('a'), answered('b')] },
      "'b' not found in 'tool_calls'",
    ],
    [
      'a call without result',
      { ...base, messages: [user, asked('a', 'b'), answered('a')] },
      'did not have response messages: b',
    ],
    [
      'a call with the result too late',
      { ...base, messages: [user, asked('a'), user, answered('a')] },
      'did not have response messages: a',
    ],
    ['a result twice', { ...base, messages: [user, asked('a'), answered('a'), answered('a')] }, 'Duplicate value'],
    ['two calls of one id', { ...base, messages: [user, asked('a', 'a'), answered('a')] }, 'Duplicate id'],
  ])('refuses %s', async (_, body, message) => {
    const { status, text } = await post('/v1/chat/completions', body);
    expect(status).toBe(400);
    expect(JSON.parse(text)).toMatchObject({ error: { type: 'invalid_request_error' } });
    expect(JSON.parse(text).error.message).toContain(message);
  });

  it('takes results in any order, and another turn after them', async () => {
    const messages = [user, asked('a', 'b'), answered('b'), answered('a'), user, asked('a'), answered('a')];
    expect(await post('/v1/chat/completions', { ...base, messages })).toMatchObject({ status: 200 });
  });

  it('refuses a missing key, and 21 MB', async () => {
    expect(await post('/v1/chat/completions', base, { authorization: '' })).toMatchObject({ status: 401 });
    const big = { ...base, messages: [{ role: 'user', content: 'x'.repeat(21 * 1024 * 1024) }] };
    expect(await post('/v1/chat/completions', big)).toMatchObject({ status: 413 });
  });
});

describe('messages', () => {
  const base = { model: 'm', max_tokens: 10, messages: [user] };
  const chat = (...messages: object[]) => ({ ...base, messages });
  const assistant = (...content: object[]) => ({ role: 'assistant', content });
  const results = (...content: object[]) => ({ role: 'user', content });
  it.each<[string, object | string, string]>([
    ['no JSON', '{', 'could not parse'],
    ['no max_tokens', { model: 'm', messages: [user] }, 'max_tokens: Field required'],
    ['no output', { ...base, max_tokens: 0 }, 'greater than or equal to 1'],
    ['an unknown field', { ...base, maxTokens: 1 }, 'maxTokens: Extra inputs are not permitted'],
    ['streaming', { ...base, stream: true }, 'does not stream'],
    [
      'a system message',
      chat({ role: 'system', content: 'x' }),
      "messages.0.role: Input should be 'user' or 'assistant'",
    ],
    ['the assistant first', chat({ role: 'assistant', content: 'x' }), 'first message must use the "user" role'],
    ['the user twice', chat(user, user), 'roles must alternate'],
    ['empty text', chat(results({ type: 'text', text: '' })), 'text content blocks must be non-empty'],
    [
      'two tools of one name',
      { ...base, tools: [0, 1].map(() => ({ name: 't', input_schema: { type: 'object' } })) },
      'Tool names must be unique',
    ],
    ['a tool without schema', { ...base, tools: [{ name: 't' }] }, 'input_schema: Field required'],
    ['a call without result', chat(user, assistant(use('a'), use('b')), results(result('a'))), 'immediately after: b'],
    ['a call at the end', chat(user, assistant(use('a'))), 'immediately after: a'],
    [
      'text before a result',
      chat(user, assistant(use('a')), results({ type: 'text', text: 'x' }, result('a'))),
      'immediately after: a',
    ],
    ['a result of nothing', chat(results(result('a'))), 'unexpected `tool_use_id`'],
    ['a result twice', chat(user, assistant(use('a')), results(result('a'), result('a'))), 'single result'],
    ['an id with a colon', chat(user, assistant(use('a:b')), results(result('a:b'))), 'String should match pattern'],
    ['two calls of one id', chat(user, assistant(use('a'), use('a')), results(result('a'))), 'ids must be unique'],
    [
      'input that is no object',
      chat(user, assistant({ ...use('a'), input: '{}' }), results(result('a'))),
      'valid dictionary',
    ],
  ])('refuses %s', async (_, body, message) => {
    const { status, text } = await post('/v1/messages', body);
    expect(status).toBe(400);
    expect(JSON.parse(text)).toMatchObject({ type: 'error', error: { type: 'invalid_request_error' } });
    expect(JSON.parse(text).error.message).toContain(message);
  });

  it('takes results in any order, with text after them', async () => {
    const body = chat(
      user,
      assistant(use('a'), use('b')),
      results(result('b'), result('a'), { type: 'text', text: 'and?' }),
    );
    expect(await post('/v1/messages', body)).toMatchObject({ status: 200 });
  });

  it('refuses a missing key and a missing version', async () => {
    expect(await post('/v1/messages', base, { 'x-api-key': '', authorization: '' })).toMatchObject({ status: 401 });
    expect(await post('/v1/messages', base, { 'anthropic-version': '' })).toMatchObject({ status: 400 });
  });
});

it('lists models in the words of either protocol, and knows no other path', async () => {
  const endpoint = await endpointFor(loop({ say: 'x' }), { models: ['a', 'b'] });
  const openai = await fetch(`${endpoint.openaiBaseUrl}/models`);
  expect(await openai.json()).toMatchObject({ object: 'list', data: [{ id: 'a', object: 'model' }, { id: 'b' }] });
  const anthropic = await fetch(`${endpoint.url}/v1/models`, { headers: { 'anthropic-version': '2023-06-01' } });
  expect(await anthropic.json()).toMatchObject({ data: [{ id: 'a', type: 'model' }, { id: 'b' }], has_more: false });
  expect((await fetch(`${endpoint.url}/v1/responses`, { method: 'POST' })).status).toBe(404);
  expect((await fetch(`${endpoint.url}/v1/messages`)).status).toBe(405);
});
