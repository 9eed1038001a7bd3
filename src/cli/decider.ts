import { whyAsked } from '../core/approval.ts';
import type { PinnedContract } from '../core/contract.ts';
import { AegrailError, messageOf } from '../core/errors.ts';
import { deadlineMs, NOTHING, openLedger, shortageOf } from '../core/ledger.ts';
import { celFacts, compilePolicy, decide, type Facts, type Policy, type Predicates, usedNano } from '../core/policy.ts';
import { makePrincipal } from '../core/principal.ts';
import { type Denial, REFUSALS, type RefusalReason } from '../core/refusals.ts';
import { NO_FACTS } from '../core/session-facts.ts';
import { parseStartInput } from '../core/start-input.ts';
import { isPlainObject } from '../core/values.ts';

/** The answer to one request. `approval`: people are asked before the call runs, and why; absent where nobody is. */
export type DecideAnswer =
  | { readonly allowed: true; readonly approval?: string }
  | { readonly allowed: false; readonly reason: RefusalReason; readonly asi: string; readonly why: string };

/** A request as it stands on a line. */
interface Request {
  readonly agent: string;
  readonly user: string;
  readonly tool: string;
  readonly args: unknown;
}

const KEYS = ['agent', 'user', 'tool', 'args'];
/** The random part of a session's id; a rule that depended on it would be no rule. */
const NO_SESSION = '000000000000';

/**
 * Answers requests with the guard's own functions, as if each were the first call of a fresh session with its whole
 * budget.
 *
 * @returns throws INPUT_INVALID for a line that is no request, AGENT_UNKNOWN for an agent that there is not
 */
export function createDecider(
  contracts: readonly PinnedContract[],
  predicates: Predicates,
): (line: string, nowMs: number) => DecideAnswer {
  const agents = new Map(
    contracts.map(({ contract }) => [contract.agent, { contract, policy: compilePolicy(contract, predicates) }]),
  );
  return (line, nowMs) => {
    const request = parseRequest(line);
    const known = agents.get(request.agent);
    if (!known) {
      throw new AegrailError(
        'AGENT_UNKNOWN',
        `There is no agent ${JSON.stringify(request.agent)} here. The agents are: ${[...agents.keys()].join(', ')}.`,
      );
    }
    const judged = judge(request, known.contract, known.policy, nowMs);
    if ('asked' in judged) return { allowed: true, ...(judged.asked === null ? {} : { approval: judged.asked }) };
    const { denial } = judged;
    return { allowed: false, reason: denial.reason, asi: REFUSALS[denial.reason].asi, why: denial.why };
  };
}

function judge(
  { user, tool, args }: Request,
  contract: PinnedContract['contract'],
  policy: Policy,
  nowMs: number,
): { readonly denial: Denial } | { readonly asked: string | null } {
  const { agent, version, limits } = contract;
  const principal = makePrincipal({ agent, version, user, chain: [] }, nowMs, NO_SESSION, limits.wallMs);
  const ledger = openLedger(limits, nowMs, 0);
  const facts = { principal, session: NO_FACTS, ledger };
  const denial = decide(policy, { tool, args, problem: null }, facts, nowMs);
  if (denial) return { denial };
  const wanted = { amounts: { ...NOTHING, toolCalls: 1 }, untilMs: deadlineMs(ledger), depth: ledger.depth };
  const shortage = shortageOf(ledger, wanted, nowMs);
  if (!shortage) {
    const approval = policy.tools.get(tool)?.approval;
    const known = { ...facts, args: args as Facts['args'] };
    return { asked: approval ? whyAsked(approval, celFacts(known), usedNano(known)) : null };
  }
  const { reason, needed, remaining } = shortage;
  const why = `${REFUSALS[reason].meaning} Needed: ${needed}, left: ${remaining}.`;
  return { denial: { reason, why } };
}

function parseRequest(line: string): Request {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (thrown) {
    throw invalid(`it is no JSON: ${messageOf(thrown)}`);
  }
  if (!isPlainObject(value)) throw invalid('it must be a JSON object with agent, user, tool and args');
  const missing = KEYS.filter((key) => !Object.hasOwn(value, key));
  if (missing.length > 0) throw invalid(`${missing.join(' and ')} ${missing.length > 1 ? 'are' : 'is'} missing`);
  const unknown = Object.keys(value).find((key) => !KEYS.includes(key));
  if (unknown !== undefined) throw invalid(`${unknown.slice(0, 64)} is not known here; known are ${KEYS.join(', ')}`);
  if (typeof value['tool'] !== 'string') throw invalid('tool must be text');
  // The same rules for names as at the start of a session.
  const { agent, user } = parseStartInput({ agent: value['agent'], user: value['user'], input: 'not looked at' });
  return { agent, user, tool: value['tool'], args: value['args'] };
}

function invalid(why: string): AegrailError {
  return new AegrailError('INPUT_INVALID', `The request is invalid: ${why}.`);
}
