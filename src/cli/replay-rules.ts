import { InvalidArgumentError } from 'commander';
import type { OtherLimits, OtherRules } from '../audit/what-if-rules.ts';
import type { LoadedConfig } from '../config/load.ts';
import type { Contract } from '../core/contract.ts';
import { AegrailError, messageOf } from '../core/errors.ts';
import type { Predicates } from '../core/policy.ts';
import type { ModelPrice } from '../core/price.ts';
import { limitProblem, type LimitsInput } from '../core/start-input.ts';
import { readConfig } from './config.ts';
import { narrowedTo } from './narrowed.ts';
import { predicatesOf } from './predicates.ts';
import type { Terminal } from './terminal.ts';

/** Under what a session is to be replayed. Files are contract files. */
export interface RuleChoice {
  readonly withPolicy?: string;
  readonly withPrices?: string;
  readonly withLimits?: OtherLimits;
}

/** Names of limits, and which of them can be taken away. */
const LIMITS: Readonly<Record<keyof LimitsInput, boolean>> = {
  usd: true,
  tokens: true,
  wallSeconds: false,
  maxToolCalls: true,
  maxRecursionDepth: false,
};

/** Reads `usd=0.5,maxToolCalls=none`. @throws InvalidArgumentError */
export function otherLimits(text: string): OtherLimits {
  const limits: { -readonly [Name in keyof OtherLimits]: OtherLimits[Name] } = {};
  for (const part of text.split(',')) {
    const [, name = '', amount = ''] = /^\s*([A-Za-z]+)=(\S+)\s*$/.exec(part) ?? [];
    if (!isLimit(name))
      throw new InvalidArgumentError(
        `It must be such as usd=0.5,tokens=1000; the limits are ${Object.keys(LIMITS).join(', ')}.`,
      );
    if (name in limits) throw new InvalidArgumentError(`It has ${name} twice.`);
    limits[name] = amount === 'none' && LIMITS[name] ? null : amountOf(name, amount);
  }
  return limits;
}

function isLimit(name: string): name is keyof LimitsInput {
  return Object.hasOwn(LIMITS, name);
}

function amountOf(name: keyof LimitsInput, text: string): number {
  const amount = /^-?\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  const problem = limitProblem(name, amount);
  if (problem !== null)
    throw new InvalidArgumentError(`${name} is ${text}, and must be ${problem.split(', but got')[0]}.`);
  return amount;
}

/**
 * Reads the rules that were named.
 *
 * @param pinned the contract of the session
 * @param config the session's own contract file, whose predicates it was judged by
 * @throws AegrailError CONFIG_INVALID, AGENT_UNKNOWN
 */
export async function readRules(
  { withPolicy, withPrices, withLimits }: RuleChoice,
  pinned: Contract,
  config: LoadedConfig | null,
  terminal: Terminal,
): Promise<{ readonly other: OtherRules; readonly predicates: Predicates }> {
  const policy = withPolicy === undefined ? null : await policyFrom(withPolicy, pinned.agent, terminal);
  const contract = policy?.contract;
  const price = withPrices === undefined ? undefined : await priceFrom(withPrices, contract ?? pinned, terminal);
  const predicates = policy?.predicates ?? (config ? await predicatesOf(config) : {});
  return { other: { contract, price, limits: withLimits }, predicates };
}

/** The agent's contract as a worker of the file would have it. Of the file's other agents only those that it calls are completed. */
async function policyFrom(
  name: string,
  agent: string,
  terminal: Terminal,
): Promise<{ readonly contract: Contract; readonly predicates: Predicates }> {
  const narrowed = narrowedTo(await readConfig(name, terminal.cwd), agent);
  const predicates = await predicatesOf(narrowed);
  const { agentContracts } = await import('./resolved.ts');
  const { own } = await agentContracts(narrowed, agent, terminal);
  return { contract: own.contract, predicates };
}

/** What the model costs by a file's `prices`, or where it has none by the list. Null: nobody knows. */
async function priceFrom(name: string, { model }: Contract, terminal: Terminal): Promise<ModelPrice | null> {
  const [{ file, source }, { freezePrice }] = await Promise.all([
    readConfig(name, terminal.cwd),
    import('../pricing/freeze.ts'),
  ]);
  const key = `${model.provider}/${model.name}`;
  const overrides = Object.hasOwn(file.prices, key) ? file.prices[key] : undefined;
  try {
    return freezePrice({ provider: model.provider, model: model.name, at: new Date(), overrides });
  } catch (thrown) {
    const path = ['prices', key];
    throw new AegrailError('CONFIG_INVALID', `${source.at(path)}: ${path.join('.')}: ${messageOf(thrown)}`, {
      cause: thrown,
    });
  }
}
