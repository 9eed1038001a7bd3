import { canonicalJson } from '../../src/core/canonical.ts';
import { worstCaseNano } from '../../src/core/worst-case.ts';
import { CONTRACT, CONTRACT_JSON, PRICE } from './bundle-contract.ts';
import { filesOf, THE_CONTRACT } from './bundle-parts.ts';
import { shopping } from './bundle-sessions.ts';
import { type InvalidBundle, of } from './invalid-bundle.ts';
import { chained, sha256 } from './play.ts';
import { SINGLE, single } from './valid-bundles.ts';

const RECORDS = shopping('sess_a');

/** Bundles whose sessions cost other than their contract says. */
export function wrongCosts(): InvalidBundle[] {
  const at = (seq: number, changed: object): readonly string[] =>
    chained(RECORDS.map((record) => (record.seq === seq ? { ...record, payload: { ...record.payload, ...changed } } : record)));
  const limits = { ...(RECORDS[0]!.payload as { limits: object }).limits };
  const posted = (RECORDS[2]!.payload as { posted: { usd_nano: number; tokens: number } }).posted;
  const usage = (RECORDS[2]!.payload as { usage: object }).usage;
  const cheaper = RECORDS.map((record) =>
    record.seq < 2 ? record : { ...record, payload: record.seq === 2 ? { ...record.payload, posted: { ...posted, usd_nano: posted.usd_nano - 1 } } : record.payload, budget: { ...record.budget, usd_used: nano(record.budget.usd_used, -1) } },
  );
  const blind = RECORDS.map((record) =>
    record.seq < 4 ? record : { ...record, payload: record.seq === 4 ? { ...record.payload, posted: { usd_nano: 0, tokens: 0, tool_calls: 0 } } : record.payload, budget: { ...record.budget, tool_calls: 0 } },
  );
  const reserving = RECORDS.map((record) =>
    record.seq === 5 ? { ...record, payload: { ...record.payload, input_bound_tokens: 3_001 } } : record,
  );
  const newer = canonicalJson({ ...CONTRACT, format: 2 });
  const named = RECORDS.map((record) => (record.seq === 0 ? { ...record, payload: { ...record.payload, contract_sha256: sha256(newer) } } : record));
  const called = RECORDS[6]!.payload as { usage: object };
  const unordered = { ...CONTRACT, model: { ...CONTRACT.model, price: { ...PRICE, tiers: PRICE.tiers.toReversed() } } };
  const sold = RECORDS.map((record) => ({ ...record, agent_identity: 'sales-bot/v1' }));
  const longer = worstCaseNano(PRICE, { inputTokens: 3_000, outputTokens: 1_001 });
  const above = RECORDS.slice(0, 6).map((record) =>
    record.seq === 5
      ? { ...record, payload: { ...record.payload, max_output_tokens: 1_001, reserved: { usd_nano: longer, tokens: 4_001, tool_calls: 0 } }, budget: { ...record.budget, tokens_reserved: 4_001, usd_reserved: longer / 1e9 } }
      : record,
  );
  const twoCalls = RECORDS.map((record) =>
    record.seq === 3 ? { ...record, payload: { ...record.payload, reserved: { usd_nano: 0, tokens: 0, tool_calls: 2 } }, budget: { ...record.budget, tool_calls_reserved: 2 } } : record,
  );
  const wiping = RECORDS.map((record) => (record.seq === 3 || record.seq === 4 ? { ...record, payload: { ...record.payload, tool: 'wipe_disk' } } : record));
  return [
    of('cost-a-nano-too-low', filesOf(single(chained(cheaper))), 'wrong_cost'),
    of('usage-that-has-no-price', filesOf(single(at(2, { usage: { ...usage, modifiers: { service_tier: 'priority' } } }))), 'wrong_cost'),
    of('usage-with-a-search', filesOf(single(at(2, { usage: { ...usage, web_searches: 1 } }))), 'wrong_cost'),
    of('reported-without-a-usage', filesOf(single(at(2, { usage: null }))), 'wrong_cost'),
    of('missing-with-a-usage', filesOf(single(at(2, { usage_state: 'missing' }))), 'wrong_blind_post'),
    of('usage-of-another-tier', filesOf(single(at(6, { usage: { ...called.usage, input_tokens: 2_000, cache_read_tokens: 1 } }))), 'wrong_cost'),
    of('tokens-of-another-usage', filesOf(single(at(2, { usage: { ...usage, output_tokens: 91 } }))), 'wrong_tokens'),
    of('tool-call-for-nothing', filesOf(single(chained(blind))), 'wrong_blind_post'),
    of('reservation-of-another-input', filesOf(single(chained(reserving))), 'wrong_reservation'),
    of('reservation-of-two-calls', filesOf(single(chained(twoCalls))), 'wrong_reservation'),
    of('more-output-than-the-contract', filesOf(single(chained(above))), 'other_contract'),
    of('agent-of-another-contract', filesOf(single(chained(sold))), 'other_contract'),
    of('call-of-a-tool-of-no-contract', filesOf(single(chained(wiping))), 'other_contract'),
    of('more-granted-than-the-contract', filesOf(single(at(0, { limits: { ...limits, tokens: 20_001 } }))), 'other_contract'),
    of('tool-of-no-contract', filesOf(single(at(0, { tools: ['lookup_order', 'refund', 'wipe_disk'] }))), 'other_contract'),
    of('contract-of-a-newer-format', filesOf({ ...single(chained(named)), contracts: { [sha256(newer)]: newer } }), 'bad_contract'),
    of('contract-with-tiers-out-of-order', filesOf({ ...SINGLE, contracts: { ...THE_CONTRACT, [sha256(canonicalJson(unordered))]: canonicalJson(unordered) } }), 'bad_contract'),
    of('contract-not-canonical', filesOf({ ...SINGLE, contracts: { ...THE_CONTRACT, [sha256(`${CONTRACT_JSON}\n`)]: `${CONTRACT_JSON}\n` } }), 'bad_contract'),
    of('contract-under-another-name', filesOf({ ...SINGLE, contracts: { ...THE_CONTRACT, [sha256('another')]: canonicalJson(CONTRACT) } }), 'bad_contract'),
  ];
}

/** Nano-USD more, of an amount in USD. */
function nano(usd: number, more: number): number {
  return (Math.round(usd * 1e9) + more) / 1e9;
}
