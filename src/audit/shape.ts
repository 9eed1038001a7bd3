import { type AuditRecord, type EventName, type Events, RECORD_VERSION } from '../core/record.ts';
import {
  anyObject,
  type Check,
  count,
  decimal,
  type Fields,
  flag,
  hex64,
  listOf,
  mapOf,
  named,
  object,
  oneOf,
  optional,
  orNull,
  seconds,
  text,
  timestamp,
  usd,
} from './checks.ts';

/** What a record's form was found to be. `known`: its version and event are ones that this release knows. */
export interface Shape {
  readonly known: boolean;
  /** What is wrong, with the path: `payload.reserved.tokens is not a whole number from 0`. Null when nothing is. */
  readonly why: string | null;
}

const amounts = named('amounts', object({ usd_nano: count, tokens: count, tool_calls: count }));
const outcome = oneOf('ok', 'error', 'not_started', 'unknown', 'cancelled', 'abandoned');
const agentOutcome = oneOf('answered', 'killed', 'cancelled', 'failed', 'terminated', 'none', 'unknown');
const callError = named('error', object({ code: text, status: optional(count) }));
const args = named(
  'args',
  object({
    keys: listOf(object({ key: text, bytes: count })),
    bytes: count,
    shown: optional(anyObject),
  }),
);
const above = named(
  'above',
  object({ used: amounts, tools: mapOf(object({ admitted: count, in_flight: count })), denied: count }),
);
const usage = named(
  'usage',
  object({
    input_tokens: count,
    cache_read_tokens: count,
    cache_write_tokens: count,
    cache_write_1h_tokens: count,
    output_tokens: count,
    reasoning_tokens: count,
    web_searches: count,
    modifiers: mapOf(text),
  }),
);
const limits = named(
  'limits',
  object({
    usd: orNull(usd),
    tokens: orNull(count),
    wall_seconds: seconds,
    max_tool_calls: orNull(count),
    max_recursion_depth: count,
  }),
);

/** One row an event, one check a member: the compiler keeps this table and the union of record.ts together. */
export const PAYLOADS: { readonly [E in EventName]: Fields<Events[E]> } = {
  session_started: {
    contract_sha256: hex64,
    limits,
    model: text,
    tools: listOf(text),
    workflow_id: text,
    authorization: orNull(text),
    recursion_depth: count,
    parent: optional(object({ session_id: text, seq: count })),
    chain: optional(listOf(text)),
    above: optional(above),
    input: object({ bytes: count }),
    fail_on_kill: flag,
    aegrail_version: text,
  },
  llm_admitted: {
    model: text,
    attempt: count,
    digest: hex64,
    reserved: amounts,
    until_ms: count,
    timeout_ms: count,
    input_bound_tokens: count,
    max_output_tokens: count,
    purpose: optional(oneOf('summary')),
  },
  llm_call: {
    reservation: count,
    model: text,
    outcome,
    posted: amounts,
    usage: orNull(usage),
    usage_state: oneOf('reported', 'missing', 'impossible', 'none'),
    finish_reason: optional(text),
    tool_calls_asked: optional(count),
    elapsed_ms: count,
    error: optional(callError),
    retry_in_ms: optional(count),
  },
  tool_admitted: {
    tool: text,
    call_id: text,
    attempt: count,
    digest: hex64,
    args,
    reserved: amounts,
    until_ms: count,
    timeout_ms: count,
    agent: optional(object({ session_id: text, contract_sha256: hex64, limits, tools: optional(listOf(text)) })),
  },
  tool_call: {
    reservation: count,
    tool: text,
    call_id: text,
    ok: flag,
    outcome,
    posted: amounts,
    result: optional(object({ bytes: count, shown: optional(text) })),
    elapsed_ms: count,
    error: optional(callError),
    retry_in_ms: optional(count),
    agent: optional(
      object({ session_id: text, outcome: agentOutcome, calls: optional(mapOf(count)), denied: optional(count) }),
    ),
  },
  tool_denied: { tool: text, call_id: text, reason: text, asi: text, why: text, args },
  budget_exceeded: { reason: text, asi: text, why: text, needed: amounts },
  approval_requested: {
    request: text,
    tool: text,
    call_id: text,
    digest: hex64,
    args,
    quorum: count,
    expires_at: timestamp,
  },
  approval_decided: {
    request: text,
    digest: text,
    decision: oneOf('approve', 'deny'),
    by: text,
    reason: orNull(text),
    outcome: oneOf('approved', 'denied', 'waiting', 'refused'),
    why: orNull(text),
  },
  approval_expired: { request: text },
  message_received: { message_id: text, bytes: count, via: oneOf('update', 'signal') },
  turn_answered: { message_id: orNull(text), bytes: count },
  context_compacted: {
    reservation: count,
    before_transcript: hex64,
    summary: hex64,
    summary_bytes: count,
    tokens_before: count,
    tokens_after: count,
  },
  session_paused: { by: text, reason: orNull(text) },
  session_resumed: { by: text, reason: orNull(text) },
  killed_by_switch: { agent: orNull(text), by: text, reason: orNull(text), in_flight: count },
  budget_raised: { by: text, reason: orNull(text), amounts },
  contract_migrated: {
    from_sha256: hex64,
    to_sha256: hex64,
    limits,
    model: text,
    tools: listOf(text),
    by: text,
    reason: orNull(text),
    authorization: orNull(text),
  },
  account_leased: { account: text, n: count, amounts },
  budget_warned: { dimension: oneOf('usd', 'tokens', 'max_tool_calls'), permille: count },
  cancel_requested: { in_flight: count },
  session_continued: { from_run_id: text, to_run_id: text },
  session_reset: { from_run_id: text, to_run_id: text, at_seq: count, in_flight: count },
  session_ended: {
    outcome: oneOf('answered', 'killed', 'cancelled', 'failed'),
    reason: orNull(text),
    records: count,
    answer: orNull(object({ bytes: count })),
  },
  session_terminated: {
    status: oneOf('terminated', 'timed_out', 'failed', 'cancelled', 'completed', 'lost'),
    known_by: oneOf('history', 'absence'),
    closed_at: orNull(timestamp),
    by: orNull(text),
    reason: orNull(text),
    records: count,
  },
};

const payloadChecks = new Map<string, Check>(
  Object.entries(PAYLOADS).map(([event, fields]) => [event, object(fields)]),
);

const budget = named(
  'budget',
  object({
    tokens_used: count,
    usd_used: decimal,
    tool_calls: count,
    recursion_depth: count,
    wall_elapsed: decimal,
    tokens_reserved: count,
    usd_reserved: decimal,
    tool_calls_reserved: count,
  }),
);

/** The members of every record of version 1. */
export const RECORD_SHAPE = object({
  v: count,
  ts: timestamp,
  seq: count,
  session_id: text,
  run_id: text,
  event_id: count,
  agent_identity: text,
  invoking_user: text,
  principal: text,
  event: text,
  payload: anyObject,
  budget,
  prev_hash: hex64,
  hash: hex64,
});

/**
 * Checks the form of a record whose link is right. Of a newer version, or an event that is not known here, only the
 * chain can be checked: it is let through and said to be unknown.
 */
export function shapeOf(record: AuditRecord): Shape {
  const { v, event } = record as { readonly v: unknown; readonly event: unknown };
  if (!Number.isSafeInteger(v) || (v as number) < 1)
    return { known: false, why: 'v is not a version: a whole number from 1' };
  if (typeof event !== 'string') return { known: false, why: 'event is not text' };
  if (v !== RECORD_VERSION) return { known: false, why: null };
  const fault = RECORD_SHAPE(record);
  if (fault !== null) return { known: true, why: fault };
  const check = payloadChecks.get(event);
  if (check === undefined) return { known: false, why: null };
  const payloadFault = check(record.payload);
  return { known: true, why: payloadFault === null ? null : `payload.${payloadFault}` };
}
