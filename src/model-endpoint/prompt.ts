import { createHash } from 'node:crypto';
import type { ModelRequest } from './request.ts';
import type { CountTokens } from './tokens.ts';

/** Every message costs a few tokens beside its text, and so does the beginning of the reply: as OpenAI documents it for its chat models. */
const TOKENS_PER_MESSAGE = 3;
const TOKENS_OF_REPLY_START = 3;

/** A beginning of a prompt: who it is, and the tokens up to its end. */
export interface PromptPrefix {
  readonly digest: string;
  readonly tokens: number;
}

/** A prompt, counted. `prefixes` go from the preamble alone to the whole conversation. */
export interface CountedPrompt {
  readonly inputTokens: number;
  readonly prefixes: readonly PromptPrefix[];
}

/**
 * Counts the input of a request. Never above the bytes of the request: a value such as 1e20 in a tool's schema is longer
 * when it is written out again.
 */
export function countPrompt(request: ModelRequest, requestBytes: number, count: CountTokens): CountedPrompt {
  const clamp = (tokens: number): number => Math.min(tokens, requestBytes);
  let digest = chain(request.model, request.preamble);
  let tokens = count(request.preamble);
  const prefixes: PromptPrefix[] = [{ digest, tokens: clamp(tokens) }];
  for (const text of request.messageTexts) {
    digest = chain(digest, text);
    tokens += TOKENS_PER_MESSAGE + count(text);
    prefixes.push({ digest, tokens: clamp(tokens) });
  }
  return { inputTokens: clamp(tokens + TOKENS_OF_REPLY_START), prefixes };
}

/** Tokens of the longest beginning that was seen before; 0 when none was. */
export function cachedTokens(prompt: CountedPrompt, seen: ReadonlySet<string>): number {
  return prompt.prefixes.findLast((prefix) => seen.has(prefix.digest))?.tokens ?? 0;
}

function chain(before: string, text: string): string {
  return createHash('sha256')
    .update(JSON.stringify([before, text]))
    .digest('base64');
}
