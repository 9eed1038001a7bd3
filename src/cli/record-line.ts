import { UNLIMITED_LEASE } from '../core/account-book.ts';
import type { WireAmounts } from '../core/record-parts.ts';
import type { AuditRecord } from '../core/record.ts';
import { formatUsd } from '../core/units.ts';
import { duration, printable } from './text.ts';

/** One record as a line for people: time, number, event, and what it says. */
export function recordLine(record: AuditRecord): string {
  const time = record.ts.slice(11, 23);
  return printable(
    `${time}  ${String(record.seq).padStart(3)}  ${record.event.padEnd(18)}  ${tellOf(record)}`.trimEnd(),
  );
}

function tellOf(record: AuditRecord): string {
  switch (record.event) {
    case 'session_started':
      return `${record.principal} for ${record.invoking_user}, ${record.payload.model}, tools: ${record.payload.tools.join(', ') || 'none'}`;
    case 'llm_admitted':
      return `${record.payload.purpose ? 'a summary, ' : ''}reserved ${amounts(record.payload.reserved)}${attempt(record.payload.attempt)}`;
    case 'llm_call':
      return `${record.payload.outcome}, posted ${amounts(record.payload.posted)}, ${duration(record.payload.elapsed_ms)}${problem(record.payload)}`;
    case 'tool_admitted':
      return `${record.payload.tool}${attempt(record.payload.attempt)}`;
    case 'tool_call':
      return `${record.payload.tool}: ${record.payload.outcome}, ${duration(record.payload.elapsed_ms)}${problem(record.payload)}`;
    case 'tool_denied':
      return `${record.payload.tool}: ${record.payload.reason} (${record.payload.asi}): ${record.payload.why}`;
    case 'budget_exceeded':
      return `${record.payload.reason} (${record.payload.asi}): ${record.payload.why}`;
    case 'account_leased':
      return `${record.payload.account}: ${leased(record.payload.amounts)}`;
    case 'budget_raised':
      return `${given(record.payload.amounts).join(', ')}${by(record.payload)}`;
    case 'budget_warned':
      return `${record.payload.permille / 10} % of ${record.payload.dimension} is used: the model is told`;
    case 'approval_requested':
      return `${record.payload.tool}, ${record.payload.request}, until ${record.payload.expires_at}`;
    case 'approval_decided':
      return `${record.payload.request}: ${record.payload.outcome}, ${record.payload.decision}${by(record.payload)}${refusedFor(record.payload)}`;
    case 'approval_expired':
      return record.payload.request;
    case 'message_received':
      return `${record.payload.message_id}, ${record.payload.bytes} bytes`;
    case 'turn_answered':
      return `${record.payload.message_id ?? 'the first message'}, ${record.payload.bytes} bytes`;
    case 'context_compacted':
      return `a summary of ${record.payload.summary_bytes} bytes: at most ${record.payload.tokens_after} tokens instead of ${record.payload.tokens_before}`;
    case 'session_paused':
    case 'session_resumed':
      return by(record.payload).trimStart();
    case 'contract_migrated':
      return `to ${record.payload.to_sha256.slice(0, 12)}…, ${record.payload.model}, tools: ${record.payload.tools.join(', ') || 'none'},${by(record.payload)}`;
    case 'killed_by_switch':
      return `${record.payload.agent ?? 'all agents'}${by(record.payload)}, ${record.payload.in_flight} in flight`;
    case 'cancel_requested':
      return `${record.payload.in_flight} in flight`;
    case 'session_continued':
      return `run ${record.payload.to_run_id} goes on after ${record.payload.from_run_id}`;
    case 'session_reset':
      return `run ${record.payload.to_run_id} goes on after ${record.payload.from_run_id}, ${record.payload.in_flight} in flight`;
    case 'session_terminated':
      return `${record.payload.status}${by(record.payload)}, known by ${record.payload.known_by}`;
    case 'session_ended':
      return record.payload.reason ? `${record.payload.outcome}, ${record.payload.reason}` : record.payload.outcome;
    default:
      // An event of a newer version.
      return '';
  }
}

function by({ by: who, reason }: { readonly by: string | null; readonly reason: string | null }): string {
  return (who === null ? '' : ` by ${who}`) + (reason === null ? '' : ` (${reason})`);
}

function refusedFor({ why }: { readonly why: string | null }): string {
  return why === null ? '' : `: ${why}`;
}

function amounts({ usd_nano, tokens }: WireAmounts): string {
  return `${formatUsd(usd_nano)}, ${tokens} tokens`;
}

/** Amounts, without those that are none. */
function given({ usd_nano, tokens, tool_calls }: WireAmounts): string[] {
  return [
    ...(usd_nano === 0 ? [] : [formatUsd(usd_nano)]),
    ...(tokens === 0 ? [] : [`${tokens} tokens`]),
    ...(tool_calls === 0 ? [] : [`${tool_calls} tool calls`]),
  ];
}

/** What an account does not limit is leased in bulk: a number of eleven digits says nothing to people. */
function leased(wire: WireAmounts): string {
  const some = (amount: number): number => (amount < UNLIMITED_LEASE ? amount : 0);
  const parts = given({
    usd_nano: some(wire.usd_nano),
    tokens: some(wire.tokens),
    tool_calls: some(wire.tool_calls),
  });
  if (parts.length > 0) return parts.join(', ');
  return given(wire).length > 0 ? 'what it does not limit' : 'nothing';
}

function attempt(number: number): string {
  return number > 1 ? `, try ${number}` : '';
}

function problem({
  error,
  retry_in_ms,
}: {
  readonly error?: { readonly code: string };
  readonly retry_in_ms?: number;
}): string {
  return (error ? `, ${error.code}` : '') + (retry_in_ms === undefined ? '' : `, again in ${duration(retry_in_ms)}`);
}
