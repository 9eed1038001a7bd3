import fc from 'fast-check';
import { expect, it } from 'vitest';
import { readAnthropicRequest } from '../../src/model-endpoint/anthropic-request.ts';
import { readOpenAiRequest } from '../../src/model-endpoint/openai-request.ts';
import { countPrompt } from '../../src/model-endpoint/prompt.ts';
import type { ModelRequest } from '../../src/model-endpoint/request.ts';
import { countTokens } from '../../src/model-endpoint/tokens.ts';

const words = fc.string({ unit: 'binary', minLength: 1, maxLength: 80 });
const openAiTurn = words.map((content) => [
  { role: 'user', content },
  {
    role: 'assistant',
    content: null,
    tool_calls: [{ id: 'c', type: 'function', function: { name: 't', arguments: content } }],
  },
  { role: 'tool', tool_call_id: 'c', content },
  { role: 'assistant', content },
]);
const anthropicTurn = words.map((text) => [
  { role: 'user', content: [{ type: 'text', text }] },
  { role: 'assistant', content: text },
]);
const tools = [
  { type: 'function', function: { name: 't', parameters: { type: 'object', maximum: 1e20, description: '\ud800' } } },
];

function inputTokens(read: (body: unknown) => ModelRequest, body: object): { tokens: number; bytes: number } {
  const text = JSON.stringify(body);
  const bytes = Buffer.byteLength(text);
  return { tokens: countPrompt(read(JSON.parse(text)), bytes, countTokens).inputTokens, bytes };
}

it.each([
  ['openai', readOpenAiRequest, openAiTurn, { model: 'm', tools }],
  ['anthropic', readAnthropicRequest, anthropicTurn, { model: 'm', max_tokens: 1 }],
] as const)(
  '%s: input is never above the bytes, and grows by no more than the bytes of what is new',
  (_, read, turn, rest) => {
    fc.assert(
      fc.property(fc.array<object[]>(turn, { minLength: 2, maxLength: 6 }), (turns) => {
        const before = inputTokens(read, { ...rest, messages: turns.slice(0, -1).flat() });
        const after = inputTokens(read, { ...rest, messages: turns.flat() });
        expect(after.tokens).toBeLessThanOrEqual(after.bytes);
        expect(after.tokens - before.tokens).toBeLessThanOrEqual(after.bytes - before.bytes);
        expect(after.tokens).toBeGreaterThan(before.tokens);
      }),
      { numRuns: 200 },
    );
  },
);

it('counts no more tokens than the request has bytes when a number in a schema is longer written out', () => {
  const schema = `{"type":"object","enum":[${Array(200).fill('1e20').join(',')}]}`;
  const text = `{"model":"m","tools":[{"type":"function","function":{"name":"t","parameters":${schema}}}],"messages":[{"role":"user","content":"x"}]}`;
  const request = readOpenAiRequest(JSON.parse(text));
  expect(request.preamble.length).toBeGreaterThan(text.length);
  expect(countPrompt(request, 90, countTokens).inputTokens).toBe(90);
});
