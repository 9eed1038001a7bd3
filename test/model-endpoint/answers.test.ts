import { describe, expect, it } from 'vitest';
import { countTokens, loop, sequence, type Turn } from '../../src/model-endpoint/index.ts';
import { afterCalls, clientOf, endpointFor, HELLO, LOOKUP, PEERS } from './peers.ts';

describe.each(PEERS)('an answer to %s', (peer) => {
  it('is text, with the usage that is billed', async () => {
    const endpoint = await endpointFor(loop({ say: 'It is on its way.' }));
    const result = await clientOf(peer, endpoint).doGenerate({ prompt: HELLO, tools: [LOOKUP], maxOutputTokens: 100 });
    expect(result.content).toEqual([{ type: 'text', text: 'It is on its way.' }]);
    expect(result.finishReason.unified).toBe('stop');
    const [call] = endpoint.calls;
    expect(call).toMatchObject({ status: 200, aborted: false, cachedTokens: 0, maxOutputTokens: 100 });
    expect(call?.outputTokens).toBe(countTokens('It is on its way.'));
    expect(result.usage.inputTokens).toMatchObject({
      total: call?.inputTokens,
      noCache: call?.inputTokens,
      cacheRead: 0,
    });
    expect(result.usage.outputTokens.total).toBe(call?.outputTokens);
    expect(call?.inputTokens).toBeLessThanOrEqual(call?.requestBytes ?? 0);
    expect(endpoint.unbilled).toEqual([]);
  });

  it('is parallel tool calls, which are answered in the next turn', async () => {
    const turns: Turn[] = [];
    const script = sequence([
      {
        call: [
          { tool: 'lookup_order', args: { order: '7' } },
          { tool: 'lookup_order', args: {}, id: 'mine' },
        ],
        say: 'Let me see.',
      },
      { say: 'Both are on their way.' },
    ]);
    const endpoint = await endpointFor((turn) => {
      turns.push(turn);
      return script(turn);
    });
    const client = clientOf(peer, endpoint);
    const first = await client.doGenerate({ prompt: HELLO, tools: [LOOKUP] });
    expect(first.finishReason.unified).toBe('tool-calls');
    const made = first.content.flatMap((part) => (part.type === 'tool-call' ? [part] : []));
    expect(made.map(({ input }) => input)).toEqual(['{"order":"7"}', '{}']);
    const ids = made.map(({ toolCallId }) => toolCallId);
    expect(ids).toEqual([peer === 'anthropic' ? 'toolu_000000000001_0' : 'call_000000000001_0', 'mine']);
    expect(first.content[0]).toEqual({ type: 'text', text: 'Let me see.' });

    const prompt = afterCalls(HELLO, new Map(ids.map((id, index) => [id, `result ${index}`])));
    const second = await client.doGenerate({ prompt, tools: [LOOKUP] });
    expect(second.content).toEqual([{ type: 'text', text: 'Both are on their way.' }]);
    expect(turns[1]).toMatchObject({
      index: 1,
      attempt: 0,
      requestNumber: 2,
      system: 'You help customers of a shop.',
      lastUserText: 'Where is my order?',
      tools: [{ name: 'lookup_order', description: 'Looks up an order' }],
      lastToolResults: ids.map((callId, index) => ({ callId, text: `result ${index}`, isError: false })),
    });
    expect(turns[1]?.messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'tool']);
    expect(turns[1]?.messages[1]?.toolCalls[0]).toEqual({
      id: ids[0],
      tool: 'lookup_order',
      argumentsText: '{"order":"7"}',
    });
  });

  it('is cut at the cap, which is billed whole', async () => {
    const endpoint = await endpointFor(loop({ say: 'one two three four five six' }));
    const result = await clientOf(peer, endpoint).doGenerate({ prompt: HELLO, maxOutputTokens: 3 });
    expect(result.content).toEqual([{ type: 'text', text: 'one two three' }]);
    expect(result.finishReason.unified).toBe('length');
    expect(result.usage.outputTokens.total).toBe(3);
    expect(endpoint.calls[0]?.outputTokens).toBe(3);
  });

  it('cuts the arguments of a call too, and drops the calls after it', async () => {
    const call = { tool: 'lookup_order', args: { order: 'one two three four five six seven eight nine ten' } };
    const endpoint = await endpointFor(loop({ call: [call, call] }));
    const result = await clientOf(peer, endpoint).doGenerate({ prompt: HELLO, tools: [LOOKUP], maxOutputTokens: 12 });
    expect(result.finishReason.unified).toBe('length');
    expect(result.content).toHaveLength(1);
    const input = result.content[0]?.type === 'tool-call' ? result.content[0].input : undefined;
    if (peer === 'anthropic') expect(input).toBe('{}');
    else expect(input).toMatch(/^\{"order":"one two[^}]*$/);
    expect(endpoint.calls[0]?.outputTokens).toBe(12);
  });

  it('can be 5 MB', async () => {
    const say = 'word '.repeat(1_000_000);
    const endpoint = await endpointFor(loop({ say }), { tokenizer: (text) => Math.ceil(text.length / 5) });
    const client = clientOf(peer, endpoint);
    // Without a cap: Anthropic's client always sends one, so there it is a raw body.
    const raw = {
      raw: { status: 200, body: JSON.stringify({ ...ANTHROPIC_SHELL, content: [{ type: 'text', text: say }] }) },
    };
    const big = peer === 'anthropic' ? clientOf(peer, await endpointFor(loop(raw))) : client;
    const { content } = await big.doGenerate({ prompt: HELLO });
    expect(content[0]).toEqual({ type: 'text', text: say });
  });

  it('reports reasoning, inside the output and inside the cap', async () => {
    const endpoint = await endpointFor(loop({ say: 'yes', reasoningTokens: 40 }));
    const { usage } = await clientOf(peer, endpoint).doGenerate({ prompt: HELLO, maxOutputTokens: 100 });
    expect(usage.outputTokens).toMatchObject({ total: 41, reasoning: 40, text: 1 });
    const capped = await clientOf(peer, endpoint).doGenerate({ prompt: HELLO, maxOutputTokens: 30 });
    expect(capped.finishReason.unified).toBe('length');
    expect(capped.usage.outputTokens).toMatchObject({ total: 30, reasoning: 30 });
    expect(endpoint.calls.map(({ outputTokens }) => outputTokens)).toEqual([41, 30]);
  });

  it('names what the script says: finish reason, model, service tier', async () => {
    const endpoint = await endpointFor(
      loop({ say: 'x', finishReason: 'odd', modelReported: 'other-model', serviceTier: 'priority' }),
    );
    const { finishReason, response } = await clientOf(peer, endpoint).doGenerate({ prompt: HELLO });
    expect(finishReason).toEqual({ unified: 'other', raw: 'odd' });
    expect(response?.modelId).toBe('other-model');
    expect(JSON.stringify(response?.body)).toContain('"service_tier":"priority"');
  });

  it('reports the beginning that it has billed before as cached, when asked to', async () => {
    const endpoint = await endpointFor(
      sequence([{ call: [{ tool: 'lookup_order', args: {} }] }], { after: { say: 'done' } }),
      {
        promptCaching: true,
      },
    );
    const client = clientOf(peer, endpoint);
    const first = await client.doGenerate({ prompt: HELLO, tools: [LOOKUP] });
    const ids = first.content.flatMap((part) => (part.type === 'tool-call' ? [part.toolCallId] : []));
    const second = await client.doGenerate({
      prompt: afterCalls(HELLO, new Map([[ids[0] ?? '', 'r']])),
      tools: [LOOKUP],
    });
    const [one, two] = endpoint.calls;
    // All of the first prompt but the start of the reply.
    expect(two?.cachedTokens).toBe((one?.inputTokens ?? 0) - 3);
    expect(second.usage.inputTokens).toMatchObject({ total: two?.inputTokens, cacheRead: two?.cachedTokens });
    expect(first.usage.inputTokens.cacheRead).toBe(0);
    const prices = { inputUsdPerMillion: 1, outputUsdPerMillion: 0, cachedInputUsdPerMillion: 0 };
    expect(endpoint.billedUsdNano(prices)).toBe(1000 * ((two?.inputTokens ?? 0) + 3));
  });
});

const ANTHROPIC_SHELL = {
  id: 'msg_1',
  type: 'message',
  role: 'assistant',
  model: 'm',
  stop_reason: 'end_turn',
  usage: { input_tokens: 1, output_tokens: 1 },
};
