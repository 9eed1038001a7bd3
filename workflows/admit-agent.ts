import type { AgentSource, ToolContract } from '../src/core/contract.ts';
import { deadlineMs } from '../src/core/ledger.ts';
import { parsePrincipalId } from '../src/core/principal.ts';
import { redactArgs, safeName } from '../src/core/redact.ts';
import { REFUSALS } from '../src/core/refusals.ts';
import { wireAmounts, wireLimits } from '../src/core/session-state.ts';
import { cutSlice } from '../src/core/slice.ts';
import { MAX_SESSION_ID_BYTES } from '../src/core/start-input.ts';
import { utf8Bytes } from '../src/core/values.ts';
import type { AgentCall, AskedCall } from '../src/calls.ts';
import { type Need, ONE_CALL } from './accounts.ts';
import { type Admission, denyTool, exceeded, type GuardContext, judge, permitFor } from './guard.ts';

/** The agent that a tool of the contract is, or null. */
export function agentOf({ contract }: GuardContext, tool: string): AgentSource | null {
  const found: ToolContract | undefined = Object.hasOwn(contract.tools, tool) ? contract.tools[tool] : undefined;
  return found?.source.kind === 'agent' ? found.source : null;
}

/** What an agent's session needs of the accounts that its parent is on: all that the limits would give it, or a little of it. */
export function agentNeed({ journal }: GuardContext, source: AgentSource, shares: number): Need {
  const { ledger } = journal.state();
  // As if the accounts had leased it all: nothing is leased for what it could not be given anyhow.
  const own = { ...ledger, leases: {} };
  const cut = ledger.leases ? cutSlice(own, source.limits, shares, Date.now()) : null;
  // Refused, it is so whatever the accounts have.
  if (!cut || 'shortage' in cut) return ONE_CALL;
  return { amounts: cut.slice.reserved, least: ONE_CALL.least };
}

/**
 * Decides, records and reserves the session of another agent: a slice of this one's budget, and a call.
 *
 * @param shares how many agents are still to be called by the same answer, this one included
 */
export function admitAgent(
  guard: GuardContext,
  asked: AskedCall,
  source: AgentSource,
  shares: number,
): Admission<AgentCall> {
  const { contract, journal, principal } = guard;
  const denial = judge(guard, asked) ?? circleOf(guard, source);
  if (denial) {
    denyTool(guard, asked, denial);
    return { denied: denial };
  }
  const { ledger, nextSeq } = journal.state();
  const cut = cutSlice(ledger, source.limits, shares, Date.now());
  if ('shortage' in cut) {
    const { reason, needed, remaining } = cut.shortage;
    const why = `${REFUSALS[reason].meaning} Needed for ${source.agent}: ${needed} at least, left: ${remaining}.`;
    const least = { usd_nano: Number(reason === 'usd'), tokens: Number(reason === 'tokens'), tool_calls: 1 };
    return exceeded(guard, { reason, why }, least);
  }
  const { grant, reserved } = cut.slice;
  const session = `${guard.sessionId}.${nextSeq}`;
  const call: AgentCall = {
    contractSha256: guard.contractSha256,
    tool: asked.tool,
    session,
    user: principal.user,
    task: String((asked.args as { readonly task?: unknown }).task),
  };
  const permit = permitFor(guard, 'agent', call);
  journal.emit('tool_admitted', {
    tool: asked.tool,
    call_id: safeName(asked.id),
    attempt: 1,
    digest: permit.digest,
    args: redactArgs(asked.args, contract.tools[asked.tool]?.redact ?? null),
    reserved: wireAmounts(reserved),
    until_ms: deadlineMs(ledger),
    timeout_ms: grant.wallMs,
    agent: {
      session_id: session,
      contract_sha256: source.contractSha256,
      limits: wireLimits(grant),
      ...toolsOf(source),
    },
  });
  return { admitted: { call, permit, reserved, timeoutMs: grant.wallMs, startedMs: Date.now() } };
}

/** What rules count while it runs. Contracts that are older do not say. */
function toolsOf({ tools }: AgentSource): Pick<AgentSource, 'tools'> {
  return tools ? { tools } : {};
}

/** A session never works for itself: the same agent is not above and below. */
function circleOf({ principal, sessionId }: GuardContext, { agent }: AgentSource): ReturnType<typeof judge> {
  const above = [...principal.chain, principal.id].map((id) => parsePrincipalId(id)?.agent);
  if (above.includes(agent)) {
    const why = `${agent} is this agent, or works above it: ${above.join(', ')}.`;
    return { reason: 'agent_cycle', why };
  }
  if (utf8Bytes(sessionId) <= MAX_SESSION_ID_BYTES - 20) return null;
  return { reason: 'invalid_arguments', why: 'The id of this session is too long for one below it to have its own.' };
}
