/*
 * An agent that never finds what it looks for, under a limit of 0.05 USD. No prompt and no model stops it: the runtime does,
 * before the call that could go over the limit.
 */
import { sequence } from '../../src/model-endpoint/index.ts';
import { field, say } from '../shared/print.ts';
import { withAegrail } from '../shared/with-aegrail.ts';

/** A model that is never sure. */
const script = sequence([], {
  after: ({ index }) => ({
    say: 'Not sure yet, one more search.',
    call: [{ tool: 'search', args: { query: `the answer, part ${index + 1}` } }],
  }),
});

await withAegrail({ dir: import.meta.dirname, script }, async ({ aegrail, log, model }) => {
  const session = await aegrail.start({ agent: 'researcher', user: 'alice', input: 'What is the answer?' });
  const result = await session.result();

  let call = 0;
  for (const { event, budget } of await log(session.id)) {
    if (event !== 'llm_call') continue;
    call += 1;
    say(`   call ${String(call).padStart(2)}: ${budget.tokens_used} tokens, ${budget.usd_used.toFixed(6)} USD spent`);
  }
  say(`\n   killed by reason=${result.reason}: ${result.why}\n`);
  field('limit', `${result.limits.usd} USD`);
  field('spent', `${result.budget.usd_used} USD`);
  field('sent', `${model.endpoint?.calls.length ?? call} requests reached the model`);
});
