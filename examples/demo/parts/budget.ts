import pc from 'picocolors';
import { billUsdNano, type TokenPrices } from '../../../src/model-endpoint/index.ts';
import type { AuditRecord } from '../../../src/core/record.ts';
import type { SessionResult } from '../../../src/protocol.ts';
import { field, say, usd } from '../../shared/print.ts';
import { followed, heading, type PartInput, type Shortcoming } from '../part.ts';

const LIMIT_NANO = 50_000_000;

/** An agent that loops is stopped before the call that could overshoot its budget. */
export async function budgetPart(input: PartInput): Promise<Shortcoming> {
  heading(
    2,
    'An agent that loops is stopped before it overspends',
    'This agent waits for a parcel that never arrives. Its limit is 0.05 USD. Each call gets dearer, since the conversation grows. Watch `spent`: the call that could have gone over the limit is not made.',
  );
  const billedBefore = input.model.endpoint?.calls.length ?? 0;
  const task = {
    session: 'demo-2-budget',
    agent: 'parcel-watcher',
    user: 'ann@acme.com',
    input: 'Tell me when parcel NL-4521 is delivered.',
  };
  const seen: AuditRecord[] = [];
  tableHead();
  const result = await followed(input, task, (record) => {
    seen.push(record);
    if (record.event === 'llm_call') tableRow(record, seen);
  });
  return told(input, result, seen, billedBefore);
}

function tableHead(): void {
  say(
    pc.dim(
      `   ${'call'.padStart(4)}${'tokens'.padStart(9)}${'reserved USD'.padStart(14)}${'cost USD'.padStart(12)}${'spent USD'.padStart(12)}`,
    ),
  );
}

function tableRow(record: AuditRecord & { readonly event: 'llm_call' }, seen: readonly AuditRecord[]): void {
  const { payload, budget } = record;
  const call = seen.filter(({ event }) => event === 'llm_call').length;
  const admitted = seen.find(({ seq }) => seq === payload.reservation);
  const reserved = admitted?.event === 'llm_admitted' ? admitted.payload.reserved.usd_nano : 0;
  const filled = Math.round((budget.usd_used * 1e9 * 20) / LIMIT_NANO);
  const bar = `${'█'.repeat(filled)}${pc.dim('░'.repeat(Math.max(0, 20 - filled)))}`;
  say(
    `   ${String(call).padStart(4)}${String(payload.posted.tokens).padStart(9)}${six(reserved).padStart(14)}${six(payload.posted.usd_nano).padStart(12)}${six(budget.usd_used * 1e9).padStart(12)}  ${bar}`,
  );
}

function told(
  { model, stage }: PartInput,
  result: SessionResult,
  seen: readonly AuditRecord[],
  billedBefore: number,
): Shortcoming {
  const refused = seen.find(({ event }) => event === 'budget_exceeded');
  if (result.outcome !== 'killed' || result.reason !== 'usd' || refused?.event !== 'budget_exceeded') {
    say();
    field(
      'ended',
      `${result.outcome}${result.reason === null ? '' : `, reason=${result.reason}`}. ${result.answer ?? result.why ?? ''}`,
    );
    return result.outcome === 'answered'
      ? 'the model stopped looping by itself before its budget was used up'
      : `the session ended as ${result.outcome}, not killed for usd`;
  }
  const postedNano = Math.round(result.budget.usd_used * 1e9);
  say();
  say(`   ${pc.red(pc.bold('killed by reason=usd'))}`);
  field(
    'refused',
    `the next call: at least ${usd(refused.payload.needed.usd_nano)} had to be reserved, and ${usd(LIMIT_NANO - postedNano)} was left. It was not sent.`,
  );
  field('reserved', `nothing is left reserved: ${result.budget.usd_reserved} USD`);
  field(
    'posted',
    `${usd(postedNano)} of ${usd(LIMIT_NANO)}, ${((postedNano / LIMIT_NANO) * 100).toFixed(1)} % of the limit`,
  );
  const overspent = postedNano > LIMIT_NANO ? 'more was posted than the limit' : null;
  if (!model.endpoint) {
    field(
      'billed',
      'what your provider bills can not be seen from here. These are the tokens that it counted, at its list price.',
    );
    return overspent;
  }
  const calls = model.endpoint.calls.slice(billedBefore);
  const billedNano = billUsdNano(
    calls,
    pricesOf(stage.worker.contracts.find(({ contract }) => contract.agent === 'parcel-watcher')),
  );
  const compared = billedNano === postedNano ? 'the same as posted, to the last nano-USD' : 'not what was posted';
  field('billed', `${usd(billedNano)} for ${calls.length} calls, as the endpoint itself counted: ${compared}`);
  if (billedNano === postedNano) return overspent;
  return `the endpoint billed ${usd(billedNano)}, and ${usd(postedNano)} was posted`;
}

function pricesOf(pinned: PartInput['stage']['worker']['contracts'][number] | undefined): TokenPrices {
  const [tier] = pinned?.contract.model.price?.tiers ?? [];
  return { inputUsdPerMillion: (tier?.inputPicoUsd ?? 0) / 1e6, outputUsdPerMillion: (tier?.outputPicoUsd ?? 0) / 1e6 };
}

function six(usdNano: number): string {
  return (usdNano / 1e9).toFixed(6);
}
