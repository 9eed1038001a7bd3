import { describe, expect, test } from 'vitest';
import { whatIf } from '../../src/audit/what-if.ts';
import type { Difference, WhatIf } from '../../src/audit/what-if-report.ts';
import type { Rules } from '../../src/audit/what-if-rules.ts';
import type { PastSession } from '../../src/audit/what-if-walk.ts';
import type { Contract, Grant } from '../../src/core/contract.ts';
import type { ModelPrice } from '../../src/core/price.ts';
import type { Predicates } from '../../src/core/policy.ts';
import { contractOf, NO_LIMITS, priceOf, TOOLS, toolUnder } from './plans.ts';
import { type PlannedCall, type PlannedTurn, playSession } from './played-session.ts';

const LIMITS: Grant = { usdNano: 100_000_000, tokens: 100_000, wallMs: 60_000, toolCalls: 20, recursionDepth: 0 };
const PRICE = priceOf(750_000);

const call = (tool: string, amount = 20, ...tries: PlannedCall['tries']): PlannedCall => ({
  tool,
  args: { amount },
  tries: tries.length === 0 ? ['ok'] : tries,
});

/** A turn of 100 tokens in and 50 out, in a second. */
const turn = (calls: readonly PlannedCall[], more: Partial<PlannedTurn> = {}): PlannedTurn => ({
  newTokens: 100,
  failures: [],
  inputTokens: 100,
  outputTokens: 50,
  usage: 'reported',
  calls,
  waitMs: 1_000,
  ...more,
});

/** 100 x 0.75 + 50 x 4.5 micro-USD. */
const TURN_NANO = 300_000;

const ENDS = turn([]);

function rules(
  grant: Partial<Grant> = {},
  more: Partial<{ price: ModelPrice | null; tools: Contract['tools'] }> = {},
): Rules {
  const given = { ...LIMITS, ...grant };
  const { price = PRICE, tools = TOOLS } = more;
  return { contract: contractOf(given, price, tools), grant: given, predicates: {}, refusal: null };
}

const played = (
  plan: readonly PlannedTurn[],
  grant: Partial<Grant> = {},
  price: ModelPrice | null = PRICE,
): PastSession => playSession(contractOf({ ...LIMITS, ...grant }, price), { ...LIMITS, ...grant }, plan);

/** A difference in one line: its record, its name, what it was and would be. */
const told = ({ seq, name, was, wouldBe }: Difference): string =>
  `${seq} ${name}: ${was.what}${was.reason ? ` ${was.reason}` : ''} -> ${wouldBe.what}${wouldBe.reason ? ` ${wouldBe.reason}` : ''}`;

const tell = ({ differences }: WhatIf): string[] => differences.map(told);

/** 0 started, 1 admitted, 2 answered, 3 and 4 admitted, 5 and 6 ended, 7 admitted, 8 answered, 9 ended. */
const TWO_CALLS = [turn([call('look'), call('pay', 80)]), ENDS];

describe('other rules', () => {
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
    const found = whatIf({ ...past, calls: { answers: new Map(), tools: new Map() } }, rules());
    expect(tell(found)).toEqual(['3 look: ran -> denied invalid_arguments']);
    expect(found.differences[0]?.why).toContain('they are not in the history');
  });
});

describe('other limits', () => {
  test('usd: killed before the call that does not fit, and what followed would not have happened', () => {
    // A call of 100 tokens in and at least 16 out needs 147,000 nano-USD, and the first one had 300,000.
    const found = whatIf(played(TWO_CALLS), rules({ usdNano: 500_000 }));
    expect(tell(found)).toEqual(['7 openai/x: ran -> killed usd']);
    expect(found.wouldBe).toEqual({
      outcome: 'killed',
      reason: 'usd',
      seq: 7,
      usdNano: TURN_NANO,
      tokens: 150,
      toolCalls: 2,
    });
  });

  test('tokens', () => {
    const found = whatIf(played(TWO_CALLS), rules({ tokens: 300 }));
    expect(tell(found)).toEqual(['7 openai/x: ran -> killed tokens']);
    expect(found.differences[0]?.why).toBe('The next model call needs up to 362 tokens at least, and 150 are left.');
  });

  test('tool calls: those in flight come to their end, the model is not asked again', () => {
    const past = played([turn([call('look'), call('pay', 80), call('look'), call('wipe')]), ENDS]);
    const found = whatIf(past, rules({ toolCalls: 1 }));
    expect(tell(found)).toEqual([
      '4 pay: ran -> killed max_tool_calls',
      '5 look: ran -> not_happened',
      '6 wipe: denied not_registered -> not_happened',
      '10 openai/x: ran -> not_happened',
    ]);
    expect(found.wouldBe).toMatchObject({ outcome: 'killed', reason: 'max_tool_calls', seq: 4, toolCalls: 1 });
  });

  test('wall clock: what was running is cancelled, and posted at its reservation', () => {
    const past = played(TWO_CALLS);
    const model = whatIf(past, rules({ wallMs: 500 }));
    expect(tell(model)).toEqual([
      '1 openai/x: ran -> cancelled wall_seconds',
      '3 look: ran -> not_happened',
      '4 pay: ran -> not_happened',
      '7 openai/x: ran -> not_happened',
    ]);
    // 100 tokens in, 400 out.
    const reserved = 100 * 750 + 400 * 4_500;
    expect(model.wouldBe).toEqual({
      outcome: 'killed',
      reason: 'wall_seconds',
      seq: 2,
      usdNano: reserved,
      tokens: 500,
      toolCalls: 0,
    });
    const tools = whatIf(past, rules({ wallMs: 1_500 }));
    expect(tell(tools)).toEqual([
      '3 look: ran -> cancelled wall_seconds',
      '4 pay: ran -> cancelled wall_seconds',
      '7 openai/x: ran -> not_happened',
    ]);
    expect(tools.wouldBe).toMatchObject({ outcome: 'killed', seq: 5, toolCalls: 2 });
  });

  test('a lower limit cuts the answer off', () => {
    const found = whatIf(played(TWO_CALLS), rules({ tokens: 140 }));
    expect(tell(found).slice(0, 2)).toEqual(['2 openai/x: ran -> cut', '7 openai/x: ran -> killed tokens']);
    expect(found.wouldBe).toMatchObject({ outcome: 'killed', reason: 'tokens', tokens: 140 });
  });

  test('a limit that comes first kills in the place of the one that did', () => {
    const past = played([turn([call('look')]), turn([call('look')]), ENDS], { toolCalls: 1 });
    expect(past.records.at(-2)).toMatchObject({ event: 'budget_exceeded', seq: 7 });
    const found = whatIf(past, rules({ toolCalls: 1, tokens: 300 }));
    expect(tell(found)).toEqual(['5 openai/x: ran -> killed tokens']);
    const model = whatIf(played(TWO_CALLS, { tokens: 300 }), rules({ usdNano: 500_000, tokens: null }));
    expect(tell(model)).toEqual(['7 openai/x: killed tokens -> killed usd']);
    expect(model.wouldBe).toMatchObject({ outcome: 'killed', reason: 'usd', seq: 7 });
  });

  test('a session that was killed would have gone on, and nobody knows how', () => {
    const found = whatIf(played(TWO_CALLS, { tokens: 300 }), rules());
    expect(tell(found)).toEqual(['7 openai/x: killed tokens -> ran']);
    expect(found.was).toMatchObject({ outcome: 'killed', reason: 'tokens', seq: 7 });
    expect(found.wouldBe).toEqual({ ...found.was, outcome: 'unknown', reason: null });
    expect(found.notes).toContain(
      'From record 7 on the session would have gone on: what then is not known, and not counted.',
    );
  });

  test('the calls of its last answer that were not tried are decided too', () => {
    const plan = [turn([call('look'), call('pay', 80), call('pay', 500), call('look'), call('look')]), ENDS];
    const past = played(plan, { toolCalls: 1 });
    const more = whatIf(past, rules({ toolCalls: 4 }));
    expect(tell(more)).toEqual([
      '4 pay: killed max_tool_calls -> ran',
      '4 pay: not_tried -> denied predicate_false',
      '4 look: not_tried -> ran',
      '4 look: not_tried -> ran',
    ]);
    expect(more.wouldBe).toMatchObject({ outcome: 'unknown', seq: 4, toolCalls: 4 });
    const two = whatIf(past, rules({ toolCalls: 2 }));
    expect(tell(two).at(-1)).toBe('4 look: not_tried -> killed max_tool_calls');
    expect(two.wouldBe).toMatchObject({ outcome: 'killed', reason: 'max_tool_calls', seq: 4, toolCalls: 2 });
  });

  test('more time: what the deadline stopped would have gone on', () => {
    const past = played(TWO_CALLS, { wallMs: 1_500 });
    expect(past.records.at(-1)).toMatchObject({ payload: { reason: 'wall_seconds' } });
    expect(whatIf(past, rules()).wouldBe).toMatchObject({ outcome: 'unknown', seq: 5 });
    expect(whatIf(past, rules({ wallMs: 1_500 })).wouldBe).toMatchObject({ outcome: 'killed', seq: 5 });
  });

  test('depth', () => {
    const past = played(TWO_CALLS);
    const [first, ...others] = past.records;
    if (first?.event !== 'session_started') throw new TypeError('no start');
    const deep = { ...first, payload: { ...first.payload, recursion_depth: 1 } };
    const found = whatIf({ ...past, records: [deep, ...others] }, rules());
    expect(found.wouldBe).toMatchObject({ outcome: 'killed', reason: 'max_recursion_depth', seq: 1, usdNano: 0 });
    const { wouldBe } = whatIf({ ...past, records: [deep, ...others] }, rules({ recursionDepth: 1 }));
    expect(wouldBe).toMatchObject({ outcome: 'answered' });
  });

  test('a session that would not have been opened has no calls', () => {
    const refusal = { code: 'CONTRACT_VERSION', why: 'The agent is at another version.' };
    const found = whatIf(played(TWO_CALLS), { ...rules(), refusal });
    expect(found.wouldBe).toEqual({
      outcome: 'not_opened',
      reason: 'CONTRACT_VERSION',
      seq: 0,
      usdNano: 0,
      tokens: 0,
      toolCalls: 0,
    });
    expect(found.differences.map(({ wouldBe }) => wouldBe.what)).toEqual(
      Array.from({ length: 4 }, () => 'not_happened'),
    );
    expect(found.notes).toEqual(['The session would not have been opened: The agent is at another version.']);
  });
});

describe('other prices', () => {
  test('twice the price is twice the cost, call by call', () => {
    const found = whatIf(played(TWO_CALLS), rules({}, { price: priceOf(1_500_000) }));
    expect(tell(found)).toEqual(['2 openai/x: ran -> ran', '8 openai/x: ran -> ran']);
    expect(found.differences.map(({ was, wouldBe }) => [was.usdNano, wouldBe.usdNano])).toEqual([
      [TURN_NANO, 2 * TURN_NANO],
      [TURN_NANO, 2 * TURN_NANO],
    ]);
    expect(found.wouldBe).toEqual({ ...found.was, usdNano: 4 * TURN_NANO });
  });

  test('and what was posted at its reservation is twice that', () => {
    const past = played([turn([], { usage: 'missing', failures: ['unknown', 'not_started'] })]);
    const found = whatIf(past, rules({}, { price: priceOf(1_500_000) }));
    expect(found.differences.map(({ seq, why }) => [seq, why])).toEqual([
      [2, 'posted at its reservation'],
      [6, 'posted at its reservation'],
    ]);
    expect(found.wouldBe.usdNano).toBe(2 * found.was.usdNano);
  });

  test('a dearer model meets the limit', () => {
    const found = whatIf(
      played(TWO_CALLS, { usdNano: 800_000 }),
      rules({ usdNano: 800_000 }, { price: priceOf(1_500_000) }),
    );
    expect(found.wouldBe).toEqual({
      outcome: 'killed',
      reason: 'usd',
      seq: 7,
      usdNano: 2 * TURN_NANO,
      tokens: 150,
      toolCalls: 2,
    });
  });

  test('a price that nobody knows kills where there is a usd limit, and is nothing where there is none', () => {
    const found = whatIf(played(TWO_CALLS), rules({}, { price: null }));
    expect(found.wouldBe).toMatchObject({ outcome: 'killed', reason: 'usd', seq: 1, usdNano: 0 });
    expect(found.differences[0]?.why).toContain('The price of openai/x is not known');
    expect(whatIf(played(TWO_CALLS), rules({ usdNano: null }, { price: null })).wouldBe).toMatchObject({
      outcome: 'answered',
      usdNano: 0,
    });
  });

  test('a count that can not be priced kills; with a price for it, the session would have gone on', () => {
    const odd = [turn([call('look')], { usage: 'unpriceable' }), ENDS];
    const known = { ...PRICE, multipliersPermille: { 'service_tier=unheard-of': 1_000 } };
    const ran = played(odd, {}, known);
    const killed = whatIf(ran, rules());
    expect(tell(killed)).toEqual([
      '2 openai/x: ran -> killed usd',
      '3 look: ran -> not_happened',
      '5 openai/x: ran -> not_happened',
    ]);
    expect(killed.differences[0]?.why).toContain('service_tier=unheard-of');
    const past = played(odd);
    expect(past.records.at(-1)).toMatchObject({ payload: { outcome: 'killed', reason: 'usd' } });
    const found = whatIf(past, rules({}, { price: known }));
    expect(tell(found)).toEqual([
      '2 openai/x: ran -> ran',
      '3 openai/x: killed usd -> ran',
      '3 look: not_tried -> ran',
    ]);
    expect(found.wouldBe).toMatchObject({ outcome: 'unknown', seq: 3, usdNano: TURN_NANO, toolCalls: 1 });
    const last = whatIf(played([turn([], { usage: 'unpriceable' })]), rules({}, { price: known }));
    expect(last.wouldBe).toMatchObject({ outcome: 'answered', usdNano: TURN_NANO });
  });
});

test('a session that was reset is judged from the answer that it went back to', () => {
  const past = played([turn([call('look'), call('pay', 80)]), turn([call('wipe')]), ENDS]);
  const last = past.records.at(-1);
  const [, , answer, look, pay, lookEnd, payEnd] = past.records;
  if (!last || !answer || look?.event !== 'tool_admitted' || pay?.event !== 'tool_admitted')
    throw new TypeError('no log');
  if (lookEnd?.event !== 'tool_call' || payEnd?.event !== 'tool_call') throw new TypeError('no calls');
  const at = last.seq;
  const reset = { from_run_id: 'r', to_run_id: 'r2', at_seq: 5, in_flight: 0 };
  const again = [
    { ...last, seq: at, event: 'session_reset' as const, payload: reset },
    { ...look, seq: at + 1 },
    { ...pay, seq: at + 2 },
    { ...lookEnd, seq: at + 3, payload: { ...lookEnd.payload, reservation: at + 1 } },
    { ...payEnd, seq: at + 4, payload: { ...payEnd.payload, reservation: at + 2 } },
    { ...last, seq: at + 5 },
  ];
  const records = [...past.records.slice(0, -1), ...again];
  // The second time they are not in the map of what was scheduled: their arguments are those of the answer.
  const session: PastSession = { ...past, records };
  expect(whatIf(session, rules())).toMatchObject({ differences: [], was: { toolCalls: 4 }, wouldBe: { toolCalls: 4 } });
  const stricter = { ...TOOLS, pay: toolUnder('args.amount <= 50') };
  expect(tell(whatIf(session, rules({}, { tools: stricter })))).toEqual([
    '4 pay: ran -> denied predicate_false',
    `${at + 2} pay: ran -> denied predicate_false`,
  ]);
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

test('no limits at all', () => {
  expect(whatIf(played(TWO_CALLS), rules(NO_LIMITS))).toMatchObject({ differences: [], notes: [] });
});
