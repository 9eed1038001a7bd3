import { safeName } from '../src/core/redact.ts';
import type { Denial } from '../src/core/refusals.ts';
import type { AskedCall, FailureDetails, Settled, ToolAnswer, ToolCall, TranscriptItem } from '../src/calls.ts';
import type { Admitted, GuardContext } from './guard.ts';
import { errorOf, postedBlind } from './runner.ts';

/** Records how a call of a tool ended. @param retryInMs when it is tried again; null when not */
export function recordEnd(
  guard: GuardContext,
  admitted: Admitted<ToolCall>,
  settled: Settled<ToolAnswer>,
  retryInMs: number | null,
): void {
  const { call, permit, startedMs } = admitted;
  const facts = {
    reservation: permit.seq,
    tool: call.tool,
    call_id: safeName(call.callId),
    elapsed_ms: Date.now() - startedMs,
  };
  if (settled.outcome === 'ok') {
    const { bytes, shown, isError } = settled.answer;
    const posted = { usd_nano: 0, tokens: 0, tool_calls: 1 };
    const result = shown === null ? { bytes } : { bytes, shown };
    guard.journal.emit('tool_call', { ...facts, ok: !isError, outcome: isError ? 'error' : 'ok', posted, result });
    return;
  }
  const { outcome, failure } = settled;
  guard.journal.emit('tool_call', {
    ...facts,
    ok: false,
    outcome,
    posted: postedBlind(outcome, admitted),
    error: errorOf(failure),
    ...(failure.told ? { result: { bytes: failure.told.bytes } } : {}),
    ...(retryInMs === null ? {} : { retry_in_ms: retryInMs }),
  });
}

/** What a tool answered, as the model sees it. */
export function result(asked: AskedCall, { ref, bytes, isError }: ToolAnswer): TranscriptItem {
  return { kind: 'tool_result', callId: asked.id, tool: asked.tool, ref, bytes, isError };
}

/** A refusal as the model sees it: a tool result that says why. */
export function refusal(asked: AskedCall, { reason, why }: Denial): TranscriptItem {
  const text = JSON.stringify({ error: 'ToolNotPermitted', reason, why });
  return { kind: 'tool_refused', callId: asked.id, tool: asked.tool, text };
}

/** A call without an answer, as the model sees it: whether it ran. */
export function failed(asked: AskedCall, { told, code, started }: FailureDetails): TranscriptItem {
  if (told) return { kind: 'tool_result', callId: asked.id, tool: asked.tool, ...told, isError: true };
  const why =
    started === 'no'
      ? 'The call did not run.'
      : 'The call was started and its end is not known: it may have taken effect.';
  const text = JSON.stringify({ error: 'ToolFailed', code: code.toLowerCase(), why });
  return { kind: 'tool_refused', callId: asked.id, tool: asked.tool, text };
}
