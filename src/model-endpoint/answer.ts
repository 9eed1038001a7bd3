import type { Answer, ScriptedCall } from './script.ts';
import { cutToTokens, type CountTokens } from './tokens.ts';

/** Output tokens that a tool call costs beside its name and arguments. */
const TOKENS_PER_CALL = 4;

/** A tool call as it will be on the wire. */
export interface ComposedCall {
  /** The id that the script gave; without one, the protocol makes one. */
  readonly id: string | undefined;
  readonly tool: string;
  readonly argumentsText: string;
  /** True when the cap cut the arguments, so that they are no complete JSON. */
  readonly cut: boolean;
}

/** An answer within its cap, and what it costs. */
export interface ComposedAnswer {
  readonly text: string;
  readonly calls: readonly ComposedCall[];
  readonly outputTokens: number;
  readonly reasoningTokens: number;
  /** True when the cap ended the answer before its end. */
  readonly cut: boolean;
}

/** Applies the cap to an answer as a model meets it: reasoning first, then text, then calls, the last one broken off. */
export function composeAnswer(answer: Answer, maxOutputTokens: number | undefined, count: CountTokens): ComposedAnswer {
  const cap = maxOutputTokens ?? Number.POSITIVE_INFINITY;
  const wanted = answer.say ?? '';
  const reasoningTokens = Math.min(answer.reasoningTokens ?? 0, cap);
  const text = cutToTokens(wanted, cap - reasoningTokens, count);
  let used = reasoningTokens + count(text);
  let cut = text.length < wanted.length || (answer.reasoningTokens ?? 0) > cap;
  const calls: ComposedCall[] = [];
  for (const call of answer.call ?? []) {
    if (cut) break;
    const composed = composeCall(call, cap - used, count);
    if (composed === undefined || composed.call.cut) cut = true;
    if (composed === undefined) break;
    calls.push(composed.call);
    used += composed.tokens;
  }
  // A model that is cut has used its whole cap; one that says nothing still emits its end.
  return { text, calls, reasoningTokens, cut, outputTokens: cut ? cap : Math.max(1, used) };
}

function composeCall(
  call: ScriptedCall,
  tokensLeft: number,
  count: CountTokens,
): { readonly call: ComposedCall; readonly tokens: number } | undefined {
  const head = TOKENS_PER_CALL + count(call.tool);
  if (head >= tokensLeft) return undefined;
  const wanted = call.rawArguments ?? JSON.stringify(call.args ?? {});
  const argumentsText = cutToTokens(wanted, tokensLeft - head, count);
  const cut = argumentsText.length < wanted.length;
  return { call: { id: call.id, tool: call.tool, argumentsText, cut }, tokens: head + count(argumentsText) };
}
