import { Environment } from '@marcbachmann/cel-js';

/** A rule that was parsed: answers whatever the expression answers, throws what it throws. */
export type CelRule = (facts: { readonly [name: string]: unknown }) => unknown;

/** Why an expression is no rule: a message, and where in its text. */
export class CelSyntaxError extends Error {
  readonly offset: number;

  constructor(message: string, offset: number) {
    super(message);
    this.name = 'CelSyntaxError';
    this.offset = offset;
  }
}

/**
 * Parses and type-checks a `when` over `args`, `principal`, `session` and `budget`. Numbers of `args` are doubles, as
 * the CEL specification has it for JSON: they compare with whole numbers, and need `1.0` in sums.
 *
 * `session.calls("refund").count` is how often the tool was admitted in this session, `.in_flight` how often it runs now.
 *
 * @param more names of further objects that it may look at
 * @throws CelSyntaxError when it does not parse, names something unknown, or can not answer a boolean
 */
export function compileCel(expression: string, more: readonly string[] = []): CelRule {
  const environment = more.reduce((known, name) => known.registerVariable(name, 'map'), ruleEnvironment());
  let parsed: ReturnType<Environment['parse']>;
  try {
    parsed = environment.parse(expression);
  } catch (thrown) {
    throw syntaxError(thrown);
  }
  const checked = parsed.check();
  if (!checked.valid) throw syntaxError(checked.error);
  if (checked.type !== 'bool' && checked.type !== 'dyn') {
    throw new CelSyntaxError(`it answers ${checked.type}, and a rule must answer true or false`, 0);
  }
  return (facts) => parsed(facts);
}

function ruleEnvironment(): Environment {
  return new Environment({ limits: { maxAstNodes: 1_000, maxDepth: 64, maxListElements: 256, maxMapEntries: 256 } })
    .registerVariable('args', 'map')
    .registerVariable('principal', 'map')
    .registerVariable('session', 'map')
    .registerVariable('budget', 'map')
    .registerFunction('map.calls(string): map', callsOf);
}

interface Counted {
  readonly admitted: number;
  readonly inFlight: number;
}

function callsOf(
  session: { readonly tools?: Readonly<Record<string, Counted>> },
  tool: string,
): Record<string, bigint> {
  const counted = session.tools && Object.hasOwn(session.tools, tool) ? session.tools[tool] : undefined;
  return { count: BigInt(counted?.admitted ?? 0), in_flight: BigInt(counted?.inFlight ?? 0) };
}

function syntaxError(thrown: unknown): CelSyntaxError {
  const error = thrown as { message?: string; summary?: string; range?: { start: number } };
  const message = error.summary ?? error.message?.split('\n', 1)[0] ?? String(thrown);
  return new CelSyntaxError(message, error.range?.start ?? 0);
}
