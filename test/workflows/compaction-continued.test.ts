import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Turn } from '../../src/model-endpoint/index.ts';
import { startContinuingStack } from '../harness/continuing-stack.ts';
import { botConfig, type Stack } from '../harness/stack.ts';

const FILLER = 'and so on '.repeat(40);

let stack: Stack;
beforeAll(async () => {
  stack = await startContinuingStack(50, {
    script: (turn: Turn) => {
      const shown = turn.messages.map(({ text }) => text).join('\n');
      const facts = [...new Set(shown.match(/\bnote\d+/g) ?? [])].join(', ');
      if (turn.lastUserText.startsWith('[summary] This')) return { say: `The facts: ${facts}` };
      return { say: `I know ${facts}. ${FILLER}` };
    },
    config: botConfig({
      context: { windowTokens: 3_000 },
      maxOutputTokens: 400,
      limits: { usd: 10, wallSeconds: 600 },
    }),
  });
});
afterAll(() => stack.close());

test('a conversation that is compacted, and goes on in other runs, forgets nothing', async () => {
  const session = await stack.start({ input: `note0 ${FILLER}`, conversation: true });
  for (let index = 1; index <= 40; index++)
    expect(await session.send(`note${index} ${FILLER}`)).toMatchObject({ outcome: 'answered' });
  const { answer } = await session.send('What do you know?');
  for (let index = 0; index <= 40; index++) expect(answer).toMatch(new RegExp(`\\bnote${index}\\b`));
  await session.end();
  await session.result();
  const events = (await stack.records(session.id)).map(({ event }) => event);
  const runs = events.join(' ').split('session_continued');
  // Summaries were made before and after runs changed.
  expect(runs.filter((run) => run.includes('context_compacted')).length).toBeGreaterThan(2);
  for (const call of stack.endpoint.calls) expect(call.inputTokens).toBeLessThan(3_000);
}, 60_000);
