/*
 * A session with a real model of Anthropic, when ANTHROPIC_API_KEY is set. Without a key, a scripted model behind an HTTP endpoint
 * that speaks as Anthropic does stands in for it.
 */
import { sequence } from '../../src/model-endpoint/index.ts';
import { field } from '../shared/print.ts';
import { withAegrail } from '../shared/with-aegrail.ts';

/** What the model does where there is no key. */
const script = sequence([
  { call: [{ tool: 'weather', args: { city: 'Graz' } }] },
  { say: 'Yes: it rains in Graz, at 11 degrees.' },
]);

await withAegrail({ dir: import.meta.dirname, script, keyVariable: 'ANTHROPIC_API_KEY' }, async ({ aegrail, log }) => {
  const session = await aegrail.start({ agent: 'assistant', user: 'alice', input: 'Do I need an umbrella in Graz?' });
  const result = await session.result();

  for (const { event, payload } of await log(session.id)) {
    if (event === 'llm_call')
      field('model', `${payload.model}: ${payload.posted.tokens} tokens, ${payload.posted.usd_nano / 1e9} USD`);
    if (event === 'tool_call') field('tool', payload.tool);
  }
  field('outcome', result.reason === null ? result.outcome : `${result.outcome}, reason=${result.reason}`);
  field('answer', result.answer ?? result.why ?? '');
  field('spent', `${result.budget.usd_used} of ${result.limits.usd} USD`);
});
