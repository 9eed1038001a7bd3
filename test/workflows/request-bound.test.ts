import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { keepSummary, keepText, loadMessages } from '../../activities/transcript.ts';
import { utf8Bytes } from '../../src/core/values.ts';
import type { TranscriptItem } from '../../src/calls.ts';
import { openStore } from '../../src/store/open.ts';
import type { Store } from '../../src/store/store.ts';
import { firstConversation, inputBound } from '../../workflows/model-turn.ts';

let dir: string;
let store: Store;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'aegrail-bound-'));
  store = await openStore('sqlite:store.db', dir);
});
afterAll(async () => {
  await store.close();
  await rm(dir, { recursive: true });
});

const text = fc.string({ unit: 'grapheme', maxLength: 200 }).map((words) => words.toWellFormed());
const word = fc.string({ minLength: 1, maxLength: 20 });
const item = fc.oneof(
  fc.record({ kind: fc.constant('said' as const), text }),
  fc.record({ kind: fc.constant('user' as const), text }),
  fc.record({ kind: fc.constant('tool_refused' as const), callId: word, tool: word, text }),
  fc.record({ kind: fc.constant('tool_result' as const), callId: word, tool: word, text }),
);

async function kept(one: typeof item extends fc.Arbitrary<infer T> ? T : never): Promise<TranscriptItem> {
  if (one.kind === 'said' || one.kind === 'tool_refused') return one;
  const at = await keepText(store, 's', one.text);
  if (one.kind === 'user') return { kind: 'user', ...at };
  return { kind: 'tool_result', callId: one.callId, tool: one.tool, ...at, isError: false };
}

test('the bound of a request that begins anew with a summary is never below the bytes of what is sent', async () => {
  await fc.assert(
    fc.asyncProperty(text, fc.array(item, { maxLength: 5 }), fc.nat(5_000), async (summary, items, promptBytes) => {
      const append = await Promise.all(items.map(kept));
      const first = firstConversation({ kind: 'user', ...(await keepSummary(store, 's', summary)) }, promptBytes, 128);
      const conversation = { ...first, append: [...first.append, ...append] };
      const messages = await loadMessages(store, 's', null, conversation.append);
      const bytes = messages.reduce((sum, message) => {
        const frame = message.role === 'tool' ? utf8Bytes(message.callId) + utf8Bytes(message.tool) : 0;
        return sum + frame + utf8Bytes(message.text);
      }, promptBytes);
      expect(inputBound(conversation)).toBeGreaterThanOrEqual(bytes);
      // A tight one: JSON's escapes and the frames of messages, no more.
      expect(inputBound(conversation)).toBeLessThanOrEqual(bytes * 6 + 128 + 34 * messages.length);
    }),
    { numRuns: 100 },
  );
});
