import { describe, expect, test } from 'vitest';
import { whatIf } from '../../src/audit/what-if.ts';
import type { PastSession } from '../../src/audit/what-if-walk.ts';
import type { Predicates } from '../../src/core/policy.ts';
import { priceOf, TOOLS, toolUnder } from './plans.ts';
import { call, ENDS, played, rules, tell, turn, TURN_NANO, TWO_CALLS } from './what-if-kit.ts';

describe('other rules', () => {
  test('a loop rule that the session did not have refuses what came round, and counts what was refused', () => {
    const past = played([turn([call('look')]), turn([call('look')]), turn([call('look'), call('pay')]), ENDS]);
    const { contract, ...same } = rules();
    const found = whatIf(past, { ...same, contract: { ...contract, loops: { maxRepeats: 1 } } });
    const denied = 'ran -> denied loop_detected';
    expect(tell(found)).toEqual([`7 look: ${denied}`, `11 look: ${denied}`]);
    expect(whatIf(past, { ...same, contract: { ...contract, loops: { maxRepeats: 3 } } }).differences).toEqual([]);
  });

  test('a call that ran would have been denied: it is not counted, and the rest is taken as it was', () => {
    const tools = { ...TOOLS, pay: toolUnder('args.amount <= 50') };
    const found = whatIf(played(TWO_CALLS), rules({}, { tools }));
    expect(tell(found)).toEqual(['4 pay: ran -> denied predicate_false']);
    expect(found.differences[0]).toMatchObject({
      ts: '2026-01-01T00:00:01.000Z',
      kind: 'tool',
      callId: 'c1.1',
      why: 'The rule of pay says no: args.amount <= 50',
    });
    expect(found.was).toEqual({
      outcome: 'answered',
      reason: null,
      seq: null,
      usdNano: 2 * TURN_NANO,
      tokens: 300,
      toolCalls: 2,
    });
    expect(found.wouldBe).toEqual({ ...found.was, toolCalls: 1 });
    expect(found.notes).toEqual([expect.stringContaining('the model would have been told so')]);
  });

  test('a denied call is counted in what later rules see of the session', () => {
    const tools = { ...TOOLS, look: toolUnder('session.denied == 0'), pay: toolUnder('args.amount <= 50') };
    const found = whatIf(played([turn([call('pay', 80)]), turn([call('look')]), ENDS]), rules({}, { tools }));
    expect(tell(found)).toEqual(['3 pay: ran -> denied predicate_false', '7 look: ran -> denied predicate_false']);
  });

  test('and so is one that did not run: its further tries are no calls of their own', () => {
    const tools = { ...TOOLS, look: toolUnder('args.amount > 50'), pay: toolUnder("!('look' in session.tools)") };
    const past = played([turn([call('look', 20, 'error', 'error', 'ok')]), turn([call('pay')]), ENDS]);
    const found = whatIf(past, rules({}, { tools }));
    expect(tell(found)).toEqual(['3 look: ran -> denied predicate_false']);
    expect(found.wouldBe.toolCalls).toBe(found.was.toolCalls - 3);
  });

  test('a denied call would have run: one tool call more, and what came of it is not known', () => {
    const tools = { ...TOOLS, pay: toolUnder(null) };
    const found = whatIf(played([turn([call('pay', 500)]), ENDS]), rules({}, { tools }));
    expect(tell(found)).toEqual(['3 pay: denied predicate_false -> ran']);
    expect(found.wouldBe).toEqual({ ...found.was, toolCalls: 1 });
    expect(found.notes).toEqual([expect.stringContaining('neither its effect nor')]);
  });

  test('it is in flight as long as the other calls of its answer', () => {
    const tools = {
      ...TOOLS,
      pay: toolUnder(null),
      look: toolUnder("!('pay' in session.tools && session.tools.pay.inFlight > 0)"),
    };
    const past = played([turn([call('pay', 500), call('look')]), turn([call('look')]), ENDS]);
    expect(tell(whatIf(past, rules({}, { tools })))).toEqual([
      '3 pay: denied predicate_false -> ran',
      '4 look: ran -> denied predicate_false',
    ]);
  });

  test('another reason is a difference, another sentence is none', () => {
    const past = played([turn([call('pay', 500)]), ENDS]);
    const tools = { ...TOOLS, pay: toolUnder('args.amount < 0') };
    expect(tell(whatIf(past, rules({}, { tools })))).toEqual([]);
    const { look = toolUnder(null) } = TOOLS;
    expect(tell(whatIf(past, rules({}, { tools: { look } })))).toEqual([
      '3 pay: denied predicate_false -> denied not_registered',
    ]);
  });

  test('the arguments are checked against the other schema', () => {
    const inputSchema = { type: 'object', properties: { amount: { type: 'string' } } };
    const tools = { ...TOOLS, look: { ...toolUnder(null), inputSchema } };
    const found = whatIf(played([turn([call('look')]), ENDS]), rules({}, { tools }));
    expect(tell(found)).toEqual(['3 look: ran -> denied invalid_arguments']);
  });

  test('a rule in TypeScript is asked, and one that throws denies', () => {
    const tools = { ...TOOLS, look: { ...toolUnder(null), when: { predicate: 'small' } } };
    const judged = (predicates: Predicates): string[] =>
      tell(whatIf(played([turn([call('look', 80)]), ENDS]), { ...rules({}, { tools }), predicates }));
    expect(judged({ small: ({ args }) => Number(args['amount']) < 100 })).toEqual([]);
    expect(judged({ small: ({ args }) => Number(args['amount']) < 50 })).toEqual([
      '3 look: ran -> denied predicate_false',
    ]);
    expect(judged({})).toEqual(['3 look: ran -> denied predicate_error']);
  });

  test('a call whose arguments the history does not have is not waved through', () => {
    const past = played([turn([call('look')]), ENDS]);
    const found = whatIf({ ...past, calls: { ...past.calls, answers: new Map(), tools: new Map() } }, rules());
    expect(tell(found)).toEqual(['3 look: ran -> denied invalid_arguments']);
    expect(found.differences[0]?.why).toContain('they are not in the history');
  });
});

describe('a session that was reset', () => {
  const past = played([turn([call('look'), call('pay', 80)]), turn([call('wipe')]), ENDS]);
  const [, , , look, pay, lookEnd, payEnd] = past.records;
  const last = past.records.at(-1);
  if (last?.event !== 'session_ended' || look?.event !== 'tool_admitted' || pay?.event !== 'tool_admitted')
    throw new TypeError('no log');
  if (lookEnd?.event !== 'tool_call' || payEnd?.event !== 'tool_call') throw new TypeError('no calls');
  const at = last.seq;
  // To where the calls of the first answer, record 2, had run.
  const payload = { from_run_id: 'r', to_run_id: 'r2', at_seq: 5, in_flight: 0 };
  const before = [...past.records.slice(0, -1), { ...last, seq: at, event: 'session_reset' as const, payload }];
  const lookAgain = { ...look, seq: at + 1 };
  const stricter = { ...TOOLS, pay: toolUnder('args.amount <= 50') };

  test('is judged again from the answer that it went back to', () => {
    const records = [
      ...before,
      lookAgain,
      { ...pay, seq: at + 2 },
      { ...lookEnd, seq: at + 3, payload: { ...lookEnd.payload, reservation: at + 1 } },
      { ...payEnd, seq: at + 4, payload: { ...payEnd.payload, reservation: at + 2 } },
      { ...last, seq: at + 5 },
    ];
    // The second time they are not in the map of what was scheduled: their arguments are those of the answer.
    const session: PastSession = { ...past, records };
    expect(whatIf(session, rules())).toMatchObject({
      differences: [],
      was: { toolCalls: 4 },
      wouldBe: { toolCalls: 4 },
    });
    expect(tell(whatIf(session, rules({}, { tools: stricter })))).toEqual([
      '4 pay: ran -> denied predicate_false',
      `${at + 2} pay: ran -> denied predicate_false`,
    ]);
  });

  test('and its kill is that of a call of that answer', () => {
    const needed = { usd_nano: 0, tokens: 0, tool_calls: 1 };
    const exceeded = { reason: 'max_tool_calls' as const, asi: 'ASI02', why: '', needed };
    const records = [
      ...before,
      lookAgain,
      { ...last, seq: at + 2, event: 'budget_exceeded' as const, payload: exceeded },
      { ...lookEnd, seq: at + 3, payload: { ...lookEnd.payload, reservation: at + 1 } },
      { ...last, seq: at + 4, payload: { ...last.payload, outcome: 'killed' as const, reason: 'max_tool_calls' } },
    ];
    const first = records[0];
    if (first?.event !== 'session_started') throw new TypeError('no start');
    const limited = { ...first, payload: { ...first.payload, limits: { ...first.payload.limits, max_tool_calls: 3 } } };
    const session: PastSession = { ...past, records: [limited, ...records.slice(1)] };
    expect(whatIf(session, rules({ toolCalls: 3 }))).toMatchObject({
      differences: [],
      wouldBe: { outcome: 'killed', seq: at + 2 },
    });
    expect(tell(whatIf(session, rules()))).toEqual([`${at + 2} pay: killed max_tool_calls -> ran`]);
  });
});

test('a session that has not ended, and one that was terminated', () => {
  const past = played(TWO_CALLS);
  const open = whatIf({ ...past, records: past.records.slice(0, 5) }, rules({}, { price: priceOf(1_500_000) }));
  expect(open.was).toMatchObject({ outcome: 'not_ended', usdNano: TURN_NANO });
  expect(open.wouldBe).toMatchObject({ outcome: 'not_ended', usdNano: 2 * TURN_NANO });
  const last = past.records.at(-1);
  if (!last) throw new TypeError('no log');
  const payload = {
    status: 'terminated',
    known_by: 'history',
    closed_at: null,
    by: null,
    reason: null,
    records: 10,
  } as const;
  const records = [...past.records.slice(0, -1), { ...last, event: 'session_terminated' as const, payload }];
  expect(whatIf({ ...past, records }, rules())).toMatchObject({
    was: { outcome: 'terminated', reason: 'terminated' },
    wouldBe: { outcome: 'terminated' },
    differences: [],
  });
});

test('another model and other instructions are said', () => {
  const { contract, ...others } = rules();
  const model = { ...contract.model, provider: 'anthropic', name: 'y' };
  const found = whatIf(played(TWO_CALLS), { ...others, contract: { ...contract, model, instructions: 'Be brief.' } });
  expect(found.notes).toEqual([
    'The model would have been anthropic/y: its answers and its tokens are taken as they were.',
    'The instructions would have been others: what the model answered is taken as it was.',
  ]);
  expect(found.differences).toEqual([]);
});
