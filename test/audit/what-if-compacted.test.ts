import { afterAll, beforeAll, expect, test } from 'vitest';
import { callsInHistory } from '../../src/audit/asked-in-history.ts';
import { whatIf } from '../../src/audit/what-if.ts';
import type { Rules } from '../../src/audit/what-if-rules.ts';
import type { PastSession, RecordOf } from '../../src/audit/what-if-walk.ts';
import type { Contract } from '../../src/core/contract.ts';
import type { AuditRecord } from '../../src/core/record.ts';
import { worstCaseNano } from '../../src/core/worst-case.ts';
import type { Turn } from '../../src/model-endpoint/index.ts';
import { fetchHistories } from '../../src/temporal/histories.ts';
import { botConfig, type Stack, startStack, toolsModule } from '../harness/stack.ts';

const TOOLS = toolsModule(`
export const read = defineTool({ description: 'Reads.', input: z.object({ page: z.number() }), execute: ({ page }) => 'page ' + page + ' word'.repeat(150) });`);

let stack: Stack;
beforeAll(async () => {
  stack = await startStack({
    files: { 'tools.ts': TOOLS },
    script: (turn: Turn) => {
      const usage = turn.messages.some(({ text }) => text.includes('count nothing'))
        ? { usage: 'missing' as const }
        : {};
      if (turn.lastUserText.startsWith('[summary] This')) return { say: 'Some pages were read.', ...usage };
      const isDone = turn.messages.some(({ text }) => text.startsWith('[summary]'));
      return isDone
        ? { say: 'Done.', ...usage }
        : { call: [{ tool: 'read', args: { page: turn.requestNumber } }], ...usage };
    },
    config: botConfig({
      tools: { read: { module: './tools.ts' } },
      context: { windowTokens: 4_000 },
      maxOutputTokens: 500,
    }),
  });
});
afterAll(() => stack.close());

/** A session that read pages until it was compacted, and some more. */
async function past(input: string): Promise<{ past: PastSession; rules: Rules }> {
  const session = await stack.start({ input });
  expect(await session.result()).toMatchObject({ outcome: 'answered', answer: 'Done.' });
  const calls = await callsInHistory(await fetchHistories(stack.client, session.id), undefined);
  const { contract, grant } = calls.opened;
  const records = await stack.records(session.id);
  return {
    past: { records, contract, calls },
    rules: { contract, grant, predicates: {}, refusal: null, migrated: null },
  };
}

const summaryOf = ({ records }: PastSession): RecordOf<'llm_admitted'> =>
  records.find((one) => one.event === 'llm_admitted' && one.payload.purpose) as RecordOf<'llm_admitted'>;

test('with the same rules nothing differs, and a summary that would not fit ends the session', async () => {
  const session = await past('read');
  expect(whatIf(session.past, session.rules)).toMatchObject({ differences: [], was: { outcome: 'answered' } });
  const summary = summaryOf(session.past);
  const usedBefore = session.past.records[summary.seq - 1]?.budget.tokens_used ?? 0;
  const { contract, grant } = session.rules;
  const tokens = usedBefore + summary.payload.input_bound_tokens + contract.model.minOutputTokens - 1;
  const { differences, wouldBe } = whatIf(session.past, { ...session.rules, grant: { ...grant, tokens } });
  expect(differences[0]).toMatchObject({ seq: summary.seq, wouldBe: { what: 'killed', reason: 'tokens' } });
  expect(wouldBe).toMatchObject({ outcome: 'killed', reason: 'tokens' });
});

test('a summary is no answer: what would have come after it is not known', async () => {
  const { past: all, rules } = await past('read');
  const at = all.records.findIndex(({ event }) => event === 'context_compacted');
  const compacted = all.records[at] as RecordOf<'context_compacted'>;
  const next = (event: string, payload: unknown, seq: number) => ({ ...compacted, event, payload, seq }) as AuditRecord;
  const needed = {
    usd_nano: 0,
    tokens: compacted.payload.tokens_after + rules.contract.model.minOutputTokens,
    tool_calls: 0,
  };
  const records = [
    ...all.records.slice(0, at + 1),
    next('budget_exceeded', { reason: 'tokens', asi: 'ASI02', why: '', needed }, at + 1),
    next('session_ended', { outcome: 'killed', reason: 'tokens', records: at + 3, answer: null }, at + 2),
  ];
  expect(whatIf({ ...all, records }, rules).wouldBe).toMatchObject({ outcome: 'unknown', seq: at + 1 });
});

test('the request after a summary is bounded as it was, whatever those before it would have been posted at', async () => {
  const { past: all, rules } = await past('read and count nothing');
  const contract: Contract = { ...rules.contract, model: { ...rules.contract.model, maxOutputTokens: 400 } };
  const { differences } = whatIf(all, { ...rules, contract });
  const at = all.records.findIndex(({ event }) => event === 'context_compacted');
  const after = all.records.slice(at).find(({ event }) => event === 'llm_admitted') as RecordOf<'llm_admitted'>;
  const end = all.records.find((one) => one.event === 'llm_call' && one.payload.reservation === after.seq);
  const bound = { inputTokens: after.payload.input_bound_tokens, outputTokens: 400 };
  const usdNano = worstCaseNano(contract.model.price!, bound);
  expect(differences.find(({ seq }) => seq === end?.seq)?.wouldBe).toMatchObject({ what: 'ran', usdNano });
});

test('another rule of the context is told of, and changes nothing that was', async () => {
  const { past: all, rules } = await past('read');
  const contract: Contract = { ...rules.contract, context: { windowTokens: 9_000, compactPermille: 800 } };
  const { differences, notes } = whatIf(all, { ...rules, contract });
  expect(differences).toEqual([]);
  expect(notes).toEqual([
    'The conversation would have been compacted at another size: where it was is taken as it was.',
  ]);
});

test('the same rule is no other one because its members stand in another order, as in a contract that the store had', async () => {
  const { past: all, rules } = await past('read');
  const { windowTokens, compactPermille } = rules.contract.context!;
  const turned = [
    { windowTokens, compactPermille },
    { compactPermille, windowTokens },
  ];
  const notes = turned.map((context) => whatIf(all, { ...rules, contract: { ...rules.contract, context } }).notes);
  expect(notes).toEqual([[], []]);
});
