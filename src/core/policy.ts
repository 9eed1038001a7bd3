import { type CompiledApproval, compileApproval } from './approval.ts';
import { type CelRule, compileCel } from './cel.ts';
import type { Contract, ToolContract, When } from './contract.ts';
import { messageOf } from './errors.ts';
import { checkJson } from './json.ts';
import { addAmounts, type Ledger, remainingOfGrant, usedAmounts } from './ledger.ts';
import type { Principal } from './principal.ts';
import { safeName } from './redact.ts';
import type { Denial } from './refusals.ts';
import { compileSchema, type SchemaCheck } from './schema.ts';
import type { SessionFacts } from './session-facts.ts';
import { isPlainObject } from './values.ts';

/** What a rule may look at. */
export interface Facts {
  readonly args: { readonly [key: string]: unknown };
  readonly principal: Principal;
  /** What was called, and is in flight. */
  readonly session: SessionFacts;
  readonly ledger: Ledger;
}

/** A rule in TypeScript: pure, and in the workflow bundle. Anything but a boolean denies. */
export type Predicate = (facts: Facts) => boolean;

/** The predicates that a user registered, by the name that a contract uses. */
export type Predicates = Readonly<Record<string, Predicate>>;

interface CompiledTool {
  readonly approval: CompiledApproval | null;
  readonly contract: ToolContract;
  readonly check: SchemaCheck;
  readonly rule: ((facts: Facts) => unknown) | null;
}

/** A contract's rules, parsed once. */
export interface Policy {
  readonly tools: ReadonlyMap<string, CompiledTool>;
}

/** A call that an agent asks for. */
export interface RequestedCall {
  readonly tool: string;
  readonly args: unknown;
  /** Why the arguments could not be read at all, or null. */
  readonly problem: string | null;
}

/** Parses the rules of a contract. A rule that does not parse denies every call: what decides fails closed. */
export function compilePolicy(contract: Pick<Contract, 'tools'>, predicates: Predicates): Policy {
  const tools = new Map<string, CompiledTool>();
  for (const [name, tool] of Object.entries(contract.tools)) {
    tools.set(name, {
      contract: tool,
      check: compileSchema(tool.inputSchema),
      rule: tool.when && compileWhen(tool.when, predicates),
      approval: tool.approval && compileApproval(tool.approval),
    });
  }
  return { tools };
}

/**
 * Whether a call is permitted: registered, then arguments, then rule. Null permits; a denial is data. Never throws.
 * Budgets are the ledger's.
 */
export function decide(policy: Policy, call: RequestedCall, facts: Omit<Facts, 'args'>, nowMs: number): Denial | null {
  const { tool, args } = call;
  const compiled = policy.tools.get(tool);
  if (!compiled) {
    const known = [...policy.tools.keys()].join(', ') || 'none';
    return {
      reason: 'not_registered',
      why: `There is no tool ${JSON.stringify(safeName(tool))}. The tools are: ${known}.`,
    };
  }
  if (nowMs > facts.principal.expiresMs) {
    return { reason: 'principal_expired', why: 'The principal of this session has expired.' };
  }
  const problem =
    call.problem ?? checkJson(args) ?? (isPlainObject(args) ? compiled.check(args) : 'they are not a JSON object');
  if (problem) return { reason: 'invalid_arguments', why: `The arguments of ${tool} are refused: ${problem}.` };
  return compiled.rule === null ? null : judge(tool, compiled, { ...facts, args: args as Facts['args'] });
}

function judge(tool: string, { rule, contract }: CompiledTool, facts: Facts): Denial | null {
  const written = contract.when && writtenOf(contract.when);
  try {
    const answer = rule?.(facts);
    if (answer === true) return null;
    if (answer === false) return { reason: 'predicate_false', why: `The rule of ${tool} says no: ${written}` };
    return {
      reason: 'predicate_error',
      why: `The rule of ${tool} answered ${typeof answer}, not a boolean: ${written}`,
    };
  } catch (thrown) {
    return { reason: 'predicate_error', why: `The rule of ${tool} failed: ${firstLine(messageOf(thrown))}` };
  }
}

/** A rule as its contract has it. */
function writtenOf(when: When): string {
  if ('all' in when) return when.all.map(writtenOf).join(' and ');
  return 'cel' in when ? when.cel : when.predicate;
}

function compileWhen(when: When, predicates: Predicates): (facts: Facts) => unknown {
  if ('all' in when) {
    const rules = when.all.map((one) => compileWhen(one, predicates));
    // The first that says anything but yes is the answer: a no, or what is no boolean and denies.
    return (facts) => {
      for (const rule of rules) {
        const answer = rule(facts);
        if (answer !== true) return answer;
      }
      return true;
    };
  }
  if ('predicate' in when) {
    const found = Object.hasOwn(predicates, when.predicate) ? predicates[when.predicate] : undefined;
    if (found) return found;
    return () => {
      throw new TypeError(`no predicate ${when.predicate} is registered in the workflow bundle`);
    };
  }
  let rule: CelRule;
  try {
    rule = compileCel(when.cel);
  } catch (thrown) {
    return () => {
      throw thrown;
    };
  }
  return (facts) => rule(celFacts(facts));
}

/** The facts as rules in CEL see them. */
export function celFacts(facts: Facts): { readonly [name: string]: unknown } {
  const { principal, session, ledger } = facts;
  const used = addAmounts(usedAmounts(ledger), session.usedAbove);
  return {
    args: facts.args,
    principal: {
      id: principal.id,
      agent: principal.agent,
      version: principal.version,
      user: principal.user,
      chain: principal.chain,
    },
    session: { tools: session.tools, denied: session.denied },
    budget: {
      usd: remainingOfGrant(ledger, 'usdNano') / 1e9,
      tokens: remainingOfGrant(ledger, 'tokens'),
      tool_calls: remainingOfGrant(ledger, 'toolCalls'),
      usd_used: used.usdNano / 1e9,
      tokens_used: used.tokens,
      tool_calls_used: used.toolCalls,
    },
  };
}

/** What approvals above a spend go by: in nano-USD. */
export function usedNano({ ledger, session }: Facts): { readonly ownNano: number; readonly aboveNano: number } {
  return { ownNano: usedAmounts(ledger).usdNano, aboveNano: session.usedAbove.usdNano };
}

function firstLine(text: string): string {
  return (text.split('\n', 1)[0] ?? '').slice(0, 300);
}
