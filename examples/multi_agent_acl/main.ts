/*
 * Two agents in one worker, at the same time. Each tries the other's tool and is refused; one uses up its budget, and the
 * other does not notice.
 */
import { route, sequence } from '../../src/model-endpoint/index.ts';
import { field, say } from '../shared/print.ts';
import { type Example, withAegrail } from '../shared/with-aegrail.ts';

const report = { tool: 'cost_report', args: { period: 'mtd' } };
const deploy = (env: string) => ({ tool: 'deploy_infra', args: { env } });

/** Both models reach for what is not theirs. The one of finops then asks for reports for ever. */
const script = route([
  {
    system: 'You report',
    play: sequence([{ call: [deploy('prod'), { tool: 'cost_report', args: { period: 'all of it' } }] }], {
      after: { call: [report] },
    }),
  },
  {
    system: 'You deploy',
    play: sequence([
      { call: [report, deploy('prod')] },
      { call: [deploy('staging')] },
      { say: 'Staging is up. The rest is not mine to do.' },
    ]),
  },
]);

await withAegrail({ dir: import.meta.dirname, script }, async (example) => {
  const finops = await example.aegrail.start({ agent: 'finops', user: 'alice', input: 'What do we pay?' });
  const architect = await example.aegrail.start({ agent: 'architect', user: 'bob', input: 'Bring it up.' });
  await told(example, finops.id);
  await told(example, architect.id);
});

async function told({ aegrail, log }: Example, id: string): Promise<void> {
  const result = await aegrail.session(id).result();
  say();
  field('agent', result.principal);
  for (const { event, payload } of await log(id)) {
    if (event === 'tool_denied')
      field('refused', `${payload.tool}: ToolNotPermitted, ${payload.reason} (${payload.asi}). ${payload.why}`);
    if (event === 'tool_call') field('ran', payload.tool);
  }
  field('outcome', result.reason === null ? result.outcome : `${result.outcome} by reason=${result.reason}`);
  if (result.answer !== null) field('answer', result.answer);
  field(
    'used',
    `${result.budget.tool_calls} of ${result.limits.maxToolCalls} tool calls, ${result.budget.usd_used} of ${result.limits.usd} USD`,
  );
}
