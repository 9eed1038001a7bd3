import { describe, expect, test } from 'vitest';
import { callKey } from '../../src/audit/asked-in-history.ts';
import { whatIf } from '../../src/audit/what-if.ts';
import type { PastSession } from '../../src/audit/what-if-walk.ts';
import type { Contract, ToolContract } from '../../src/core/contract.ts';
import { deadlineMs } from '../../src/core/ledger.ts';
import { makeRecord } from '../../src/core/make-record.ts';
import { makePrincipal } from '../../src/core/principal.ts';
import type { WireFacts, WireLimits } from '../../src/core/record-parts.ts';
import type { AuditRecord, EventName, Events } from '../../src/core/record.ts';
import { emptyState, wireLimits } from '../../src/core/session-state.ts';
import type { AskedCall, ModelAnswer, ToolCall } from '../../src/calls.ts';
import { contractOf, TOOLS, toolUnder } from './plans.ts';
import { LIMITS, rules, tell } from './what-if-kit.ts';

const GRANT = { ...LIMITS, usdNano: null, recursionDepth: 1 };
const GIVEN: WireLimits = { usd: 0.01, tokens: 1_000, wall_seconds: 30, max_tool_calls: 4, max_recursion_depth: 1 };
const STARTED_MS = Date.UTC(2026, 0, 1);
const CHILD = 's.3';
const ABOVE = makePrincipal({ agent: 'chief', version: 'v1', user: 'ann@acme.com', chain: [] }, 0, 'abc', 1);

/** The tools of the sessions here, and one that is an agent. */
function toolsWith(more: Contract['tools'] = {}): Contract['tools'] {
  const limits = { usdNano: 10_000_000, tokens: 1_000, wallMs: 30_000, toolCalls: 4, recursionDepth: 1 };
  const source = { kind: 'agent', agent: 'helper', contractSha256: '1'.repeat(64), limits, tools: ['look'] } as const;
  const helper: ToolContract = { ...toolUnder(null), source };
  return { ...TOOLS, helper, ...more };
}

/**
 * An answer that asks for the helper, which looks twice and is denied once, and beside it for a look; then one that asks for
 * another look.
 *
 * 0 started, 1 admitted, 2 answered, 3 helper admitted, 4 look admitted, 5 and 6 ended, 7 admitted, 8 answered, 9 look admitted.
 */
function past(above?: WireFacts): PastSession {
  const contract = contractOf(GRANT, null, toolsWith());
  const chain = above ? [ABOVE.id] : [];
  const asked = { agent: 'bot', version: 'v1', user: 'ann@acme.com', chain };
  const principal = makePrincipal(asked, STARTED_MS, 'abc123', GRANT.wallMs);
  const records: AuditRecord[] = [];
  const answers = new Map<string, ModelAnswer>();
  const tools = new Map<string, ToolCall>();
  let state = emptyState();
  const emit = <E extends EventName>(event: E, payload: Events[E]): void => {
    const moment = { nowMs: STARTED_MS + state.nextSeq, eventId: state.nextSeq };
    const made = makeRecord({ sessionId: 's', principal, runId: 'r' }, state, event, payload, moment);
    records.push(made.record);
    state = made.state;
  };
  const answer = (calls: readonly AskedCall[]): void => {
    const seq = state.nextSeq;
    const reserved = { usd_nano: 0, tokens: 500, tool_calls: 0 };
    const model = 'openai/x';
    const until_ms = deadlineMs(state.ledger);
    const bounds = { input_bound_tokens: 100, max_output_tokens: 400 };
    emit('llm_admitted', { model, attempt: 1, digest: 'd', reserved, until_ms, timeout_ms: 1, ...bounds });
    const blind = { usage: null, usage_state: 'missing', tool_calls_asked: calls.length, elapsed_ms: 1 } as const;
    emit('llm_call', { reservation: seq, model, outcome: 'ok', posted: reserved, ...blind });
    const said = { transcript: '', text: '', asked: calls, finishReason: 'stop', usage: null, usageProblem: null };
    answers.set(callKey(seq, 'd'), said);
  };
  const admit = ({ id, tool, args }: AskedCall, agent?: Events['tool_admitted']['agent']): void => {
    const seq = state.nextSeq;
    const reserved = agent
      ? { usd_nano: 10_000_000, tokens: 1_000, tool_calls: 5 }
      : { usd_nano: 0, tokens: 0, tool_calls: 1 };
    const shown = { tool, call_id: id, attempt: 1, digest: 'd', args: { keys: [], bytes: 0 } };
    emit('tool_admitted', {
      ...shown,
      reserved,
      until_ms: deadlineMs(state.ledger),
      timeout_ms: 1,
      ...(agent ? { agent } : {}),
    });
    const made = { tool, args, callId: id, principal, idempotencyKey: null, timeoutMs: 1, contractSha256: '' };
    if (!agent) tools.set(callKey(seq, 'd'), made);
  };
  const end = (reservation: number, call: AskedCall, agent?: Events['tool_call']['agent']): void => {
    const posted = { usd_nano: 0, tokens: agent ? 700 : 0, tool_calls: agent ? 3 : 1 };
    const facts = { reservation, tool: call.tool, call_id: call.id, ok: true, outcome: 'ok', elapsed_ms: 1 } as const;
    emit('tool_call', { ...facts, posted, ...(agent ? { agent } : {}) });
  };
  emit('session_started', {
    contract_sha256: '0'.repeat(64),
    limits: wireLimits(GRANT),
    model: 'openai/x',
    tools: Object.keys(contract.tools),
    workflow_id: 's',
    authorization: null,
    recursion_depth: 0,
    ...(above ? { above, chain, parent: { session_id: 'p', seq: 3 } } : {}),
    input: { bytes: 0 },
    fail_on_kill: false,
    aegrail_version: '0.1.0',
  });
  const [helper, look, again] = [
    { id: 'c1', tool: 'helper', args: { task: 'look' }, problem: null },
    { id: 'c2', tool: 'look', args: {}, problem: null },
    { id: 'c3', tool: 'look', args: {}, problem: null },
  ] as const;
  answer([helper, look]);
  admit(helper, { session_id: CHILD, contract_sha256: '1'.repeat(64), limits: GIVEN, tools: ['look'] });
  admit(look);
  end(4, look);
  end(3, helper, { session_id: CHILD, outcome: 'answered', calls: { look: 2 }, denied: 1 });
  answer([again]);
  admit(again);
  end(9, again);
  answer([]);
  emit('session_ended', { outcome: 'answered', reason: null, records: state.nextSeq + 1, answer: null });
  return { records, contract, calls: { answers, tools, contracts: new Map() } };
}

/** What would be otherwise if looking were under this rule. */
function underRule(look: string, session: PastSession = past()): string[] {
  return tell(whatIf(session, rules(GRANT, { price: null, tools: toolsWith({ look: toolUnder(look) }) })));
}

describe('other rules see what sub-agents do', () => {
  test('one that has ended: what it called, and what it was denied', () => {
    // A look of its own, and two of the helper's.
    const below = (count: number): string =>
      `session.calls("look").in_flight > 0 || session.calls("look").count < ${count}`;
    expect(underRule(below(4))).toEqual([]);
    expect(underRule(below(3))).toEqual(['9 look: ran -> denied predicate_false']);
    expect(underRule('session.denied == 0')).toEqual(['9 look: ran -> denied predicate_false']);
  });

  test('one that runs: all that it may do', () => {
    expect(underRule('session.calls("look").count < 5')).toEqual([]);
    // The look beside it; the next one is after its two.
    expect(underRule('session.calls("look").count < 4')).toEqual(['4 look: ran -> denied predicate_false']);
  });

  test('those above the session: what they had done when it was started, and who they are', () => {
    const used = { usd_nano: 20_000_000, tokens: 9, tool_calls: 7 };
    const below = past({ used, tools: { look: { admitted: 5, in_flight: 0 } }, denied: 2 });
    const count = (most: number): string =>
      `session.calls("look").in_flight > 0 || session.calls("look").count < ${most}`;
    expect(underRule(count(9), below)).toEqual([]);
    expect(underRule(count(8), below)).toEqual(['9 look: ran -> denied predicate_false']);
    expect(underRule('session.denied <= 3 && budget.usd_used >= 0.02', below)).toEqual([]);
    expect(underRule('session.denied <= 2', below)).toEqual(['9 look: ran -> denied predicate_false']);
    expect(underRule(`principal.chain == ["${ABOVE.id}"]`, below)).toEqual([]);
  });
});
