import { expect, it } from 'vitest';
import { byAttempt, loop, route, sequence } from '../../src/model-endpoint/index.ts';
import { clientOf, endpointFor, HELLO, PEERS, type Prompt } from './peers.ts';

const later: Prompt = [
  ...HELLO,
  { role: 'assistant', content: [{ type: 'text', text: 'Which one?' }] },
  { role: 'user', content: [{ type: 'text', text: 'Number 7.' }] },
];

async function textOf(script: Parameters<typeof endpointFor>[0], prompts: readonly Prompt[]): Promise<string[]> {
  const endpoint = await endpointFor(script);
  const client = clientOf('openai', endpoint);
  const texts: string[] = [];
  for (const prompt of prompts) {
    const { content } = await client.doGenerate({ prompt }).then(
      (result) => result,
      (error: Error) => ({ content: [{ type: 'text' as const, text: error.message }] }),
    );
    texts.push(content.map((part) => (part.type === 'text' ? part.text : part.type)).join());
  }
  return texts;
}

it('sequence goes by the turn of the conversation, not by the count of requests', async () => {
  const script = sequence([{ say: 'Which one?' }, { say: 'It is on its way.' }]);
  expect(await textOf(script, [later, HELLO, HELLO, later])).toEqual([
    'It is on its way.',
    'Which one?',
    'Which one?',
    'It is on its way.',
  ]);
});

it('sequence says when it is over, unless it knows what comes after', async () => {
  expect(await textOf(sequence([{ say: 'a' }]), [later])).toEqual([
    'The script failed: the sequence has 1 steps and was asked for turn 1: give it { after }',
  ]);
  expect(await textOf(sequence([{ say: 'a' }], { after: loop({ say: 'b' }) }), [later])).toEqual(['b']);
});

it('byAttempt goes by how often a conversation was seen', async () => {
  const script = byAttempt([{ say: '1' }, { say: '2' }]);
  expect(await textOf(script, [HELLO, later, HELLO, HELLO])).toEqual(['1', '1', '2', '2']);
  expect(() => byAttempt([])).toThrow(RangeError);
});

it('route goes by system, user and model, the first rule that matches first', async () => {
  const script = route([
    { user: /number \d/i, play: { say: 'by user' } },
    { system: 'a shop', model: 'gpt-5', play: { say: 'by system and model' } },
  ]);
  expect(await textOf(script, [later, HELLO])).toEqual(['by user', 'by system and model']);
  expect((await textOf(route([{ model: 'claude', play: { say: 'x' } }]), [HELLO]))[0]).toContain(
    'no rule matches model "gpt-5.4-mini"',
  );
});

it.each(PEERS)('two runs are the same, byte for byte but for the time: %s', async (peer) => {
  const bodies = await Promise.all(
    [1, 2].map(async () => {
      const endpoint = await endpointFor(loop({ call: [{ tool: 't', args: { a: 1 } }], say: 'x' }));
      const { response } = await clientOf(peer, endpoint).doGenerate({ prompt: HELLO });
      return { ...(response?.body as object), created: 0 };
    }),
  );
  expect(bodies[0]).toEqual(bodies[1]);
});
