import { expect, it } from 'vitest';
import { loop } from '../../src/model-endpoint/index.ts';
import { apiErrorOf, clientOf, endpointFor, HELLO, LOOKUP, PEERS } from './peers.ts';

it.each(PEERS)('usage can be missing for %s, and the call is billed all the same', async (peer) => {
  const endpoint = await endpointFor(loop({ say: 'hello there', usage: 'missing' }));
  const call = clientOf(peer, endpoint).doGenerate({ prompt: HELLO });
  if (peer === 'anthropic') expect((await apiErrorOf(call)).message).toBe('Invalid JSON response');
  else
    expect((await call).usage).toMatchObject({ inputTokens: { total: undefined }, outputTokens: { total: undefined } });
  expect(endpoint.calls[0]).toMatchObject({ outputTokens: 2, status: 200, aborted: false });
});

it('usage can be impossible, one detail at a time', async () => {
  const usage = {
    prompt_tokens: -5,
    completion_tokens: 1.5,
    total_tokens: 1e300,
    prompt_tokens_details: { cached_tokens: 7 },
  };
  const endpoint = await endpointFor(loop({ say: 'hello there', usage }));
  const result = await clientOf('openai-compatible', endpoint).doGenerate({ prompt: HELLO });
  expect(result.usage.raw).toMatchObject({ ...usage, prompt_tokens_details: { cached_tokens: 7, audio_tokens: 0 } });
  expect(endpoint.calls[0]?.inputTokens).toBeGreaterThan(0);
  expect(endpoint.calls[0]?.outputTokens).toBe(2);
});

it('Anthropic usage can be impossible too', async () => {
  const endpoint = await endpointFor(loop({ say: 'hello there', usage: { input_tokens: -5, output_tokens: 1e12 } }));
  const { usage } = await clientOf('anthropic', endpoint).doGenerate({ prompt: HELLO });
  expect(usage).toMatchObject({ inputTokens: { total: -5 }, outputTokens: { total: 1e12 } });
});

it.each(PEERS)('arguments can be no JSON for %s', async (peer) => {
  const endpoint = await endpointFor(loop({ call: [{ tool: 'nobody_has_it', rawArguments: '{"order": ' }] }));
  const { content } = await clientOf(peer, endpoint).doGenerate({ prompt: HELLO, tools: [LOOKUP] });
  // Anthropic's input is a value, not text: what is no JSON can only be a string there.
  const input = peer === 'anthropic' ? '"{\\"order\\": "' : '{"order": ';
  expect(content).toMatchObject([{ type: 'tool-call', toolName: 'nobody_has_it', input }]);
});

it('200 calls can share one id', async () => {
  const calls = Array.from({ length: 200 }, () => ({ tool: 'lookup_order', args: {}, id: 'same' }));
  const endpoint = await endpointFor(loop({ call: calls }));
  const { content } = await clientOf('openai', endpoint).doGenerate({ prompt: HELLO, tools: [LOOKUP] });
  expect(content).toHaveLength(200);
});
