import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Session } from '../../src/client.ts';
import type { ChainedRecord, EventName } from '../../src/core/record.ts';
import type { Script, Step, Turn } from '../../src/model-endpoint/index.ts';
import type { Reply } from '../../src/protocol.ts';
import { botConfig, type Stack, startStack, toolsModule } from '../harness/stack.ts';

const TOOLS = toolsModule(`
export const read = defineTool({ description: 'Reads a page.', input: z.object({ page: z.number() }), execute: ({ page }) => 'page ' + page + ' ' + 'word '.repeat(200) });`);

const FILLER = 'and so on '.repeat(60);
const WINDOW = 4_000;

const isSummary = ({ lastUserText }: Turn): boolean => lastUserText.startsWith('[summary] This conversation nears');
const texts = (turn: Turn): string[] => turn.messages.map(({ text }) => text);
const resultsIn = ({ messages }: Turn): number => messages.flatMap(({ toolResults }) => toolResults).length;

/** What the model was shown. */
const seen: Turn[] = [];
/** What the endpoint says to a summary, in place of a good one. */
let badSummaries: Step[] = [];
/** A request with more messages does not fit the model. */
let mostMessages = Number.POSITIVE_INFINITY;

/**
 * Remembers all that it was told as `key=value`, and knows it only from what it is shown. Reads pages when told to, until
 * it has seen as many as it was told to, also by what a summary says.
 */
const script: Script = (turn) => {
  seen.push(turn);
  const facts = [
    ...new Set(
      texts(turn)
        .join('\n')
        .match(/\b[a-z]+\d*=\w+/g) ?? [],
    ),
  ];
  const pages =
    resultsIn(turn) +
    Number(
      texts(turn)
        .join('\n')
        .match(/pages read: (\d+)/)?.[1] ?? 0,
    );
  if (isSummary(turn)) {
    const bad = badSummaries.shift();
    return bad ?? { say: `The facts: ${facts.join(', ')}. pages read: ${pages}.` };
  }
  if (turn.messages.length > mostMessages) return { fail: { status: 400 } };
  const toRead = Number(turn.lastUserText.match(/read (\d+) pages/)?.[1] ?? 0);
  if (pages < toRead) return { call: [pages, pages + 1].map((page) => ({ tool: 'read', args: { page } })) };
  return { say: `I know ${facts.join(', ')}. ${FILLER}` };
};

let stack: Stack;
beforeAll(async () => {
  const { agents } = botConfig({
    instructions: FILLER,
    tools: { read: { module: './tools.ts' } },
    context: { windowTokens: WINDOW, compactAt: 0.8 },
    maxOutputTokens: 500,
    limits: { usd: 1, tokens: 500_000, wallSeconds: 600 },
  });
  const bot = agents['bot']!;
  stack = await startStack({
    files: { 'tools.ts': TOOLS },
    script,
    config: {
      agents: {
        bot,
        claude: { ...bot, model: 'anthropic/claude-haiku-4-5' },
        off: { ...bot, context: { windowTokens: WINDOW, compactAt: 0 } },
        unknown: { ...bot, model: 'openai/gpt-nobody-knows', limits: { tokens: 500_000 }, context: {} },
        asking: { ...bot, budget: { onExceeded: 'ask', softLimit: 0 } },
      },
    },
  });
});
afterAll(() => stack.close());

function of<E extends EventName>(records: readonly ChainedRecord[], event: E): Extract<ChainedRecord, { event: E }>[] {
  return records.filter((record): record is Extract<ChainedRecord, { event: E }> => record.event === event);
}

/** Talks until the conversation was compacted so often. */
async function talkUntil(session: Session, compactions: number): Promise<number> {
  for (let index = 1; index <= 40; index++) {
    await session.send(`note${index}=v${index} ${FILLER}`);
    if (of(await settled(session), 'context_compacted').length >= compactions) return index;
  }
  throw new Error('it was never compacted');
}

/** The records once what has happened is stored. */
async function settled(session: Session): Promise<ChainedRecord[]> {
  const { nextSeq } = await session.view();
  await expect.poll(async () => (await stack.records(session.id)).length).toBe(nextSeq);
  return stack.records(session.id);
}

async function ended(session: Session): Promise<ChainedRecord[]> {
  await session.end();
  await session.result();
  return stack.records(session.id);
}

describe.each(['bot', 'claude'])('a long conversation of %s', (agent) => {
  test('is compacted, and knows afterwards what the summary says', async () => {
    seen.length = 0;
    const session = await stack.start({ agent, input: 'color=green', conversation: true });
    const turns = await talkUntil(session, 2);
    const last = await session.send('what do you know');
    for (const fact of ['color=green', 'note1=v1', `note${turns}=v${turns}`]) expect(last.answer).toContain(fact);
    const records = await ended(session);

    // Each summary is a call of the model: admitted, reserved and posted.
    const compacted = of(records, 'context_compacted');
    const summaries = of(records, 'llm_admitted').filter(({ payload }) => payload.purpose === 'summary');
    expect(compacted.map(({ payload }) => payload.reservation)).toEqual(summaries.map(({ seq }) => seq));
    for (const { payload } of compacted) {
      const [posted] = of(records, 'llm_call').filter((one) => one.payload.reservation === payload.reservation);
      expect(posted?.payload).toMatchObject({ outcome: 'ok', usage_state: 'reported', tool_calls_asked: 0 });
      expect(posted?.payload.posted.tokens).toBeGreaterThan(0);
      expect(payload.tokens_before).toBeGreaterThan(WINDOW * 0.8);
      expect(payload.tokens_after).toBeLessThan(payload.tokens_before);
      // The request that begins anew is bounded as the first one was: instructions and question are counted in bytes.
      expect(payload.tokens_after - payload.summary_bytes).toBeGreaterThan(2 * FILLER.length);
      // What was, and what stands in its place, are in the store.
      const before = await stack.store.getBlob(session.id, payload.before_transcript);
      expect(Buffer.from(before ?? []).toString()).toContain('The facts: color=green');
      const summary = await stack.store.getBlob(session.id, payload.summary);
      expect(summary).toHaveLength(payload.summary_bytes);
      expect(Buffer.from(summary ?? []).toString()).toContain('The facts: color=green');
    }
    // What was counted was never above what was reserved, and no request came near the window.
    for (const { payload } of of(records, 'llm_call')) expect(payload.usage_state).toBe('reported');
    for (const call of stack.endpoint.calls) expect(call.inputTokens).toBeLessThanOrEqual(WINDOW);

    // The request after a summary holds it, and the message word for word; nothing else.
    const at = seen.findIndex(isSummary);
    const [summarised, after] = [seen[at]!, seen[at + 1]!];
    expect(after.messages.length).toBeLessThan(summarised.messages.length);
    expect(after.messages.every(({ role }) => role === 'user')).toBe(true);
    const shown = texts(after).join('\n');
    expect(shown).toContain('[summary] The conversation until here was long');
    expect(shown).toMatch(new RegExp(`note\\d+=v\\d+ ${FILLER.trimEnd()}`));
    expect(shown).not.toContain('I know');
  });

  test('is compacted between the calls of one turn, and the question stays', async () => {
    seen.length = 0;
    const session = await stack.start({ agent, input: 'read 12 pages, code=x7' });
    const result = await session.result();
    expect(result).toMatchObject({ outcome: 'answered', budget: { tool_calls: 12 } });
    expect(result.answer).toContain('code=x7');
    const records = await stack.records(session.id);
    expect(of(records, 'context_compacted').length).toBeGreaterThan(0);
    const at = seen.findIndex(isSummary);
    // The summary was asked for with the results of all calls, and with no tool to call.
    expect(seen[at]?.lastToolResults).toHaveLength(2);
    expect([seen[at - 1]?.mayCall, seen[at]?.mayCall, seen[at + 1]?.mayCall]).toEqual([true, false, true]);
    expect(texts(seen[at + 1]!).at(-1)).toContain('read 12 pages, code=x7');
    expect(seen[at + 1]?.messages.flatMap(({ toolResults }) => toolResults)).toEqual([]);
  });
});

describe('a summary that fails', () => {
  test.each<[string, Step]>([
    ['is refused', { fail: { status: 400 } }],
    ['is empty', { say: ' ' }],
    ['calls a tool instead', { call: [{ tool: 'read', args: { page: 1 } }] }],
  ])('that %s: the session goes on, and makes one later', async (_what, bad) => {
    badSummaries = [bad];
    const session = await stack.start({ input: 'color=red', conversation: true });
    await talkUntil(session, 1);
    const records = await ended(session);
    const summaries = of(records, 'llm_admitted').filter(({ payload }) => payload.purpose === 'summary');
    expect(summaries).toHaveLength(2);
    // Not at once: turns were answered in between.
    const between = records.filter(({ seq }) => seq > summaries[0]!.seq && seq < summaries[1]!.seq);
    expect(of(between, 'turn_answered').length).toBeGreaterThan(0);
    expect(of(records, 'tool_admitted')).toEqual([]);
  });

  test('always: the session goes on until it does not fit the model, and fails then', async () => {
    badSummaries = Array.from({ length: 20 }, () => ({ fail: { status: 400 } }));
    mostMessages = 25;
    const session = await stack.start({ input: 'color=red', conversation: true });
    const replies = [];
    for (let index = 1; index <= 20 && replies.at(-1)?.outcome !== 'failed'; index++)
      replies.push(await session.send(`note${index}=v${index} ${FILLER}`));
    expect(replies).toHaveLength(13);
    await expect(session.result()).rejects.toMatchObject({ code: 'MODEL_FAILED' });
    const records = await stack.records(session.id);
    [badSummaries, mostMessages] = [[], Number.POSITIVE_INFINITY];
    expect(of(records, 'context_compacted')).toEqual([]);
    expect(of(records, 'turn_answered')).toHaveLength(13);
    // One for each eighth of the limit that it has grown, and nothing was paid for them.
    const summaries = of(records, 'llm_admitted').filter(({ payload }) => payload.purpose === 'summary');
    expect(summaries.length).toBeGreaterThan(1);
    const bounds = summaries.map(({ payload }) => payload.input_bound_tokens);
    for (const [index, bound] of bounds.slice(1).entries())
      expect(bound - bounds[index]!).toBeGreaterThan((WINDOW * 0.8) / 8 - 20);
    for (const { seq } of summaries)
      expect(of(records, 'llm_call').find(({ payload }) => payload.reservation === seq)?.payload).toMatchObject({
        outcome: 'not_started',
        posted: { tokens: 0 },
      });
  });
});

test.each(['off', 'unknown'])('nothing is compacted where it is %s', async (agent) => {
  const session = await stack.start({ agent, input: 'color=red', conversation: true });
  for (let index = 1; index <= 12; index++) await session.send(`note${index}=v${index} ${FILLER}`);
  const records = await ended(session);
  expect(of(records, 'context_compacted')).toEqual([]);
  expect(of(records, 'llm_admitted').at(-1)?.payload.input_bound_tokens).toBeGreaterThan(WINDOW * 0.8);
});

describe('a summary that does not fit into the budget', () => {
  /** A talk up to its summary: how many messages that takes, and one token less than the summary needs. */
  async function shortOfOne(): Promise<{ messages: number; tokens: number }> {
    const session = await stack.start({ input: 'color=red', conversation: true });
    const messages = await talkUntil(session, 1);
    const records = await ended(session);
    const [summary] = of(records, 'llm_admitted').filter(({ payload }) => payload.purpose === 'summary');
    const { tokens_used: used } = records[summary!.seq - 1]!.budget;
    return { messages, tokens: used + summary!.payload.input_bound_tokens + 64 - 1 };
  }
  async function talkAgain(agent: string): Promise<{ session: Session; last: Promise<Reply> }> {
    const { messages, tokens } = await shortOfOne();
    const session = await stack.start({ agent, input: 'color=red', conversation: true, limits: { tokens } });
    for (let index = 1; index < messages; index++) await session.send(`note${index}=v${index} ${FILLER}`);
    return { session, last: session.send(`note${messages}=v${messages} ${FILLER}`) };
  }

  test('ends the session, as any call would', async () => {
    const { session, last } = await talkAgain('bot');
    expect(await last).toMatchObject({ outcome: 'killed' });
    expect(await session.result()).toMatchObject({ outcome: 'killed', reason: 'tokens' });
    const records = await stack.records(session.id);
    expect(of(records, 'llm_admitted').filter(({ payload }) => payload.purpose)).toEqual([]);
  });

  test('waits for a larger one where the contract asks', async () => {
    const { session, last } = await talkAgain('asking');
    const doing = async (): Promise<string> => (await session.view()).doing;
    await expect.poll(doing).toBe('waiting for a larger budget (aegrail topup)');
    await session.topUp({ tokens: 50_000, by: 'boss' });
    expect(await last).toMatchObject({ outcome: 'answered' });
    const records = await ended(session);
    const [raised] = of(records, 'budget_raised');
    const events = records.slice(raised!.seq, raised!.seq + 4).map(({ event }) => event);
    expect(events).toEqual(['budget_raised', 'llm_admitted', 'llm_call', 'context_compacted']);
  });
});
