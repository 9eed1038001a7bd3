/*
 * One session from start to end: an agent looks up an order, refunds it, and answers. Read aegrail.yaml first: it is all
 * that the agent may do.
 */
import { sequence } from '../../src/model-endpoint/index.ts';
import { field, say } from '../shared/print.ts';
import { withAegrail } from '../shared/with-aegrail.ts';

/** What the model does: two tool calls, then an answer. */
const script = sequence([
  { call: [{ tool: 'lookup_order', args: { order: '4521' } }] },
  { call: [{ tool: 'refund', args: { order: '4521', amount: 64 } }] },
  { say: 'Your coffee pot arrived broken, so I have paid the 64 USD back.' },
]);

await withAegrail({ dir: import.meta.dirname, script }, async ({ aegrail, log }) => {
  const session = await aegrail.start({
    agent: 'support-bot',
    user: 'alice@acme.com',
    input: 'My order 4521 arrived broken. I want my money back.',
  });
  const result = await session.result();

  field('principal', result.principal);
  field('outcome', result.outcome);
  field('answer', result.answer ?? '');
  field(
    'spent',
    `${result.budget.usd_used} USD, ${result.budget.tokens_used} tokens, ${result.budget.tool_calls} tool calls`,
  );
  say('\n   The log, a line a record:');
  for (const { seq, event, invoking_user: user, budget } of await log(session.id)) {
    say(`   ${String(seq).padStart(3)}  ${event.padEnd(16)} ${user}  ${budget.tokens_used} tokens`);
  }
});
