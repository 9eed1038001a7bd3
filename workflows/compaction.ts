import { againAfterFailure, againAfterSummary, isCompactionDue } from '../src/core/context-rule.ts';
import type { TranscriptItem } from '../src/calls.ts';
import type { Talk } from './converse.ts';
import type { GuardContext } from './guard.ts';
import { type Conversation, firstConversation, inputBound, type ModelTurn, modelTurn } from './model-turn.ts';
import type { Runner } from './runner.ts';

/** What a talk keeps in mind to be compacted: plain JSON, for the next run. */
export interface Memory {
  /** What the model is answering: it stays word for word. Null when that is not known. */
  readonly question?: TranscriptItem | null;
  /** The size in tokens at which to look again, after a summary that failed or did not help. */
  readonly againAboveTokens?: number;
  /** A summary stands at the beginning, and no answer has come since. */
  readonly isFresh?: boolean;
}

/** The memory of a talk that begins. */
export function memoryOf(question: TranscriptItem | null): Memory {
  return { question, againAboveTokens: 0, isFresh: false };
}

/**
 * Replaces a talk that nears the model's window by a summary of it: a call of the model, admitted, reserved and recorded
 * as every other. Call it only where no tool call is without its answer. What a person said last stays as it is. A summary
 * that fails leaves the talk as it was.
 *
 * @returns null, or how the call ended the session
 */
export async function compactIfDue(
  guard: GuardContext,
  runner: Runner,
  talk: Talk,
): Promise<Extract<ModelTurn, { kind: 'exceeded' | 'stopped' }> | null> {
  const { context, model } = guard.contract;
  const { conversation, memory = {} } = talk;
  if (!context || conversation.transcript === null) return null;
  const { replaced, kept } = parted(conversation.append, memory.question ?? null);
  const boundTokens = inputBound(conversation);
  const keptTokens = inputBound({ ...EMPTY, append: kept });
  if (!isCompactionDue(context, { boundTokens, keptTokens, againAboveTokens: memory.againAboveTokens ?? 0 }))
    return null;

  const instruction = { kind: 'said', text: instructionOf(model.maxOutputTokens) } as const;
  const turn = await modelTurn(guard, runner, { ...conversation, append: [...replaced, instruction] }, 'summary');
  if (turn.kind === 'exceeded' || turn.kind === 'stopped') return turn;
  const summary = turn.kind === 'answer' ? turn.answer.summary : undefined;
  if (turn.kind === 'failed' || !summary) {
    talk.memory = { ...memory, againAboveTokens: againAfterFailure(context, boundTokens) };
    return null;
  }
  const first = firstConversation({ kind: 'user', ...summary }, guard.promptBytes, model.promptOverheadTokens);
  talk.conversation = { ...first, append: [...first.append, ...kept] };
  talk.memory = { ...memory, isFresh: true };
  guard.journal.emit('context_compacted', {
    reservation: turn.reservation,
    before_transcript: turn.answer.transcript,
    summary: summary.ref,
    summary_bytes: summary.bytes,
    tokens_before: boundTokens,
    tokens_after: inputBound(talk.conversation),
  });
  return null;
}

/** Notes what the provider counted for an answer: the first one after a summary says whether that helped. */
export function noteCounted({ contract: { context } }: GuardContext, talk: Talk, countedTokens: number): void {
  if (!context || !talk.memory?.isFresh) return;
  talk.memory = { ...talk.memory, isFresh: false, againAboveTokens: againAfterSummary(context, countedTokens) };
}

const EMPTY: Conversation = { transcript: null, countedTokens: 0, append: [], uncountedTokens: 0 };

/** What is new, parted into what a summary replaces and what people said, which stays: the question first. */
function parted(
  append: readonly TranscriptItem[],
  question: TranscriptItem | null,
): { readonly replaced: readonly TranscriptItem[]; readonly kept: readonly TranscriptItem[] } {
  const replaced = append.filter((item) => !isSaid(item));
  const said = append.filter(isSaid);
  const isThere = question === null || said.some((item) => isSame(item, question));
  return { replaced, kept: isThere ? said : [question, ...said] };
}

function isSaid({ kind }: TranscriptItem): boolean {
  return kind === 'said' || kind === 'user';
}

/** Whether two are the same: another run has copies of them. */
function isSame(a: TranscriptItem, b: TranscriptItem): boolean {
  if (a.kind === 'said') return b.kind === 'said' && a.text === b.text;
  return a.kind === 'user' && b.kind === 'user' && a.ref === b.ref;
}

/** Longest summary that is asked for, in words. */
const MAX_WORDS = 1_000;

/** What the model is asked for. A word has up to three tokens. */
function instructionOf(maxOutputTokens: number): string {
  const words = Math.max(50, Math.min(MAX_WORDS, Math.floor(maxOutputTokens / 3)));
  return [
    `[summary] This conversation nears the end of your context window. Write a summary of it, in at most ${words} words,`,
    'from which you can go on without it: what was asked for, facts, decisions, what was done with which result, what',
    'is still open, and names, ids, numbers and dates as they are. Call no tools, and answer nothing but the summary.',
  ].join('\n');
}
