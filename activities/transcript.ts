import { AegrailError } from '../src/core/errors.ts';
import type { TranscriptItem } from '../src/calls.ts';
import type { Message, ToolUse } from '../src/providers/message.ts';
import type { Store } from '../src/store/store.ts';

/**
 * A conversation is a chain of segments in the store: each holds what one turn added and the SHA-256 of the segment
 * before it. So a turn writes what is new and nothing else, and history holds references.
 */
interface Segment {
  readonly prev: string | null;
  readonly items: readonly SegmentItem[];
}

type SegmentItem =
  | TranscriptItem
  | { readonly kind: 'assistant'; readonly text: string; readonly uses: readonly ToolUse[] };

/** Keeps a text, and says where. */
export async function keepText(store: Store, sessionId: string, text: string): Promise<{ ref: string; bytes: number }> {
  const bytes = Buffer.from(text, 'utf8');
  return { ref: await store.putBlob(sessionId, bytes), bytes: bytes.length };
}

/** What the model is told before a summary. */
const BEFORE_SUMMARY =
  '[summary] The conversation until here was long, and this summary stands in its place. What it says was done is done: do not do it again.';

/** Keeps a summary as the message with which a conversation begins anew, and says where. */
export function keepSummary(store: Store, sessionId: string, text: string): Promise<{ ref: string; bytes: number }> {
  return keepText(store, sessionId, `${BEFORE_SUMMARY}\n\n${text}`);
}

/** Adds one turn to a conversation. */
export function appendTurn(
  store: Store,
  sessionId: string,
  prev: string | null,
  items: readonly TranscriptItem[],
  answer: { readonly text: string; readonly uses: readonly ToolUse[] },
): Promise<string> {
  const segment: Segment = { prev, items: [...items, { kind: 'assistant', ...answer }] };
  return store.putBlob(sessionId, Buffer.from(JSON.stringify(segment), 'utf8'));
}

/**
 * A conversation's messages, from its start.
 *
 * @throws AegrailError AUDIT_UNAVAILABLE when a part of it is not in the store
 */
export async function loadMessages(
  store: Store,
  sessionId: string,
  head: string | null,
  append: readonly TranscriptItem[],
): Promise<Message[]> {
  const turns: (readonly SegmentItem[])[] = [append];
  for (let ref = head; ref !== null;) {
    const segment = JSON.parse(await loadText(store, sessionId, ref)) as Segment;
    turns.push(segment.items);
    ref = segment.prev;
  }
  const messages: Message[] = [];
  for (const item of turns.reverse().flat()) messages.push(await messageOfItem(store, sessionId, item));
  return messages;
}

async function messageOfItem(store: Store, sessionId: string, item: SegmentItem): Promise<Message> {
  switch (item.kind) {
    case 'assistant':
      return { role: 'assistant', text: item.text, uses: item.uses };
    case 'user':
      return { role: 'user', text: await loadText(store, sessionId, item.ref) };
    case 'said':
      return { role: 'user', text: item.text };
    case 'tool_refused':
      return { role: 'tool', callId: item.callId, tool: item.tool, text: item.text, isError: true };
    case 'tool_result': {
      const text = await loadText(store, sessionId, item.ref);
      return { role: 'tool', callId: item.callId, tool: item.tool, text, isError: item.isError };
    }
  }
}

async function loadText(store: Store, sessionId: string, ref: string): Promise<string> {
  const bytes = await store.getBlob(sessionId, ref);
  if (bytes) return Buffer.from(bytes).toString('utf8');
  throw new AegrailError('AUDIT_UNAVAILABLE', `A part of the conversation, ${ref.slice(0, 12)}…, is not in the store.`);
}
