import { costNano } from '../core/cost.ts';
import { type Fault, faultOf } from '../core/faults.ts';
import type { ModelPrice } from '../core/price.ts';
import type { CallOutcome, Delegated, WireAmounts, WireLimits } from '../core/record-parts.ts';
import type { AuditRecord, Events } from '../core/record.ts';
import { grantOf, usageOf } from '../core/session-state.ts';
import { totalTokens } from '../core/usage.ts';
import { worstCaseNano } from '../core/worst-case.ts';
import type { ContractFacts } from './contract-facts.ts';
import { migrationFault, raiseFault, startFault } from './contract-check.ts';
import type { RecordCheck } from './log-check.ts';
import { sameTexts } from './same.ts';

/** Contracts by their SHA-256, and what became of the costs. */
export interface CostTally {
  /** Null when the contract is not at hand. */
  readonly contractOf: (sha256: string) => ContractFacts | null;
  /** Told of each session whose contract is not at hand. */
  readonly onMissing: (sessionId: string, contractSha256: string) => void;
  /** Told of each posted amount that was recomputed. */
  readonly onChecked: () => void;
}

const NOTHING: WireAmounts = { usd_nano: 0, tokens: 0, tool_calls: 0 };
const ONE_CALL: WireAmounts = { usd_nano: 0, tokens: 0, tool_calls: 1 };

/**
 * Recomputes what a session reserved and posted, from its contract: "Costs" in docs/AUDIT.md. Without the contract what was
 * reserved and what was posted from a usage are not looked at; what was posted without one is.
 */
export function costCheck(sessionId: string, tally: CostTally): RecordCheck {
  const reserved = new Map<number, WireAmounts>();
  const ofAgents = new Set<number>();
  let contract: ContractFacts | null = null;
  let heldTo = '';

  function ended(payload: Events['llm_call'] | Events['tool_call'], judge: Judge): Fault | null {
    const amounts = reserved.get(payload.reservation);
    // That the call was not admitted is the fold's to say.
    if (amounts === undefined) return null;
    reserved.delete(payload.reservation);
    return judge(amounts);
  }

  function hold(sha256: string): void {
    heldTo = sha256;
    contract = tally.contractOf(sha256);
    if (contract === null) tally.onMissing(sessionId, sha256);
  }

  return (record: AuditRecord, known: boolean) => {
    if (!known) return null;
    switch (record.event) {
      case 'session_started':
        hold(record.payload.contract_sha256);
        return contract === null ? null : startFault(contract, record.payload, record.agent_identity);
      case 'contract_migrated': {
        const isFrom = record.payload.from_sha256 === heldTo;
        hold(record.payload.to_sha256);
        if (!isFrom) return faultOf('other_contract', 'from_sha256 is not the contract that it was held to');
        return contract === null ? null : migrationFault(contract, record);
      }
      case 'budget_raised':
        return contract === null ? null : raiseFault(contract, record);
      case 'llm_admitted':
        reserved.set(record.seq, record.payload.reserved);
        return contract === null ? null : modelReservationFault(contract, record.payload);
      case 'tool_admitted':
        reserved.set(record.seq, record.payload.reserved);
        if (record.payload.agent) ofAgents.add(record.seq);
        return toolReservationFault(contract, record.payload);
      case 'tool_call':
        // What an agent came to is in its own log.
        return isKnownEnd(record.payload.outcome) && ofAgents.has(record.payload.reservation)
          ? agentEndFault(record.payload)
          : ended(record.payload, (amounts) => blindFault(amounts, record.payload));
      case 'llm_call': {
        const { payload } = record;
        if (payload.usage_state !== 'reported') return ended(payload, (amounts) => blindFault(amounts, payload));
        reserved.delete(payload.reservation);
        if (contract === null) return null;
        tally.onChecked();
        return reportedFault(contract.price, payload);
      }
      default:
        return null;
    }
  };
}

type Judge = (reserved: WireAmounts) => Fault | null;

function modelReservationFault(
  { price, maxOutputTokens }: ContractFacts,
  payload: Events['llm_admitted'],
): Fault | null {
  const { input_bound_tokens: inputTokens, max_output_tokens: outputTokens, reserved } = payload;
  if (outputTokens > maxOutputTokens)
    return faultOf('other_contract', `max_output_tokens is above the contract's, which is ${maxOutputTokens}`);
  const usd_nano = price === null ? 0 : worstCaseNano(price, { inputTokens, outputTokens });
  return amountsFault('wrong_reservation', reserved, { usd_nano, tokens: inputTokens + outputTokens, tool_calls: 0 });
}

function toolReservationFault(
  contract: ContractFacts | null,
  { tool, reserved, agent }: Events['tool_admitted'],
): Fault | null {
  if (contract !== null && !contract.tools.has(tool))
    return faultOf('other_contract', 'it admits a tool that the contract does not have');
  const other = contract === null ? null : agentFault(contract, tool, agent);
  if (other) return other;
  return amountsFault('wrong_reservation', reserved, agent ? sliceOf(agent.limits) : ONE_CALL);
}

/** Whether a tool is an agent just where the contract says so, and is given what it allows. */
function agentFault({ agents }: ContractFacts, tool: string, agent: Delegated | undefined): Fault | null {
  const listed = agents.get(tool);
  if (!listed && !agent) return null;
  const isSame = listed?.contractSha256 === agent?.contract_sha256 && sameTools(listed?.tools, agent?.tools);
  if (!listed || !agent || !isSame) return faultOf('other_contract', 'it admits another agent than the contract lists');
  const given = grantOf(agent.limits);
  const isAbove = (['usdNano', 'tokens', 'toolCalls', 'wallMs'] as const).some(
    (name) => (given[name] ?? Number.POSITIVE_INFINITY) > (listed.limits[name] ?? Number.POSITIVE_INFINITY),
  );
  return isAbove ? faultOf('other_contract', 'it gives an agent more than the contract allows') : null;
}

/** Older contracts do not say which tools an agent may call. */
function sameTools(listed: readonly string[] | undefined, told: readonly string[] | undefined): boolean {
  return listed && told ? sameTexts(listed, told) : listed === told;
}

/** What is reserved for the session of an agent: all that it is given, and the call itself. */
function sliceOf(limits: WireLimits): WireAmounts {
  const { usdNano, tokens, toolCalls } = grantOf(limits);
  return { usd_nano: usdNano ?? 0, tokens: tokens ?? 0, tool_calls: (toolCalls ?? 0) + 1 };
}

function isKnownEnd(outcome: CallOutcome): boolean {
  return outcome === 'ok' || outcome === 'error' || outcome === 'cancelled';
}

function agentEndFault({ posted }: Events['tool_call']): Fault | null {
  return posted.tool_calls > 0 ? null : faultOf('wrong_blind_post', 'tool_calls is 0, and the call itself is one');
}

/** What ends without a count is posted as it was reserved, and what surely did not run as nothing. */
function blindFault(reserved: WireAmounts, payload: Events['llm_call'] | Events['tool_call']): Fault | null {
  if ('usage' in payload && payload.usage !== null)
    return faultOf('wrong_blind_post', `usage_state is ${payload.usage_state}, and there is a usage`);
  const right = payload.outcome === 'not_started' ? NOTHING : reserved;
  return amountsFault('wrong_blind_post', payload.posted, right);
}

function reportedFault(price: ModelPrice | null, { usage, posted }: Events['llm_call']): Fault | null {
  if (usage === null) return faultOf('wrong_cost', 'usage_state is reported, and there is no usage');
  const counted = usageOf(usage);
  const tokens = totalTokens(counted);
  if (posted.tokens !== tokens)
    return faultOf('wrong_tokens', `${posted.tokens} tokens are posted, and the usage comes to ${tokens}`);
  if (posted.tool_calls !== 0) return faultOf('wrong_cost', 'a model call posts tool calls');
  const cost = price === null ? { usdNano: 0 } : costNano(price, counted);
  if ('unpriceable' in cost) return faultOf('wrong_cost', "the contract's price table can not price its usage");
  if (posted.usd_nano === cost.usdNano) return null;
  const why = `${posted.usd_nano} nano-USD are posted, and its usage costs ${cost.usdNano} by the contract's prices`;
  return faultOf('wrong_cost', why);
}

function amountsFault(
  fault: 'wrong_reservation' | 'wrong_blind_post',
  told: WireAmounts,
  right: WireAmounts,
): Fault | null {
  const amount = (['usd_nano', 'tokens', 'tool_calls'] as const).find((name) => told[name] !== right[name]);
  return amount === undefined ? null : faultOf(fault, `${amount} is ${told[amount]}, and must be ${right[amount]}`);
}
