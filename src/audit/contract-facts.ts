import { isUtf8 } from 'node:buffer';
import { canonicalJson } from '../core/canonical.ts';
import {
  type AgentSource,
  type BudgetRule,
  CONTRACT_FORMAT,
  type Contract,
  type Grant,
  type ModelContract,
} from '../core/contract.ts';
import { checkJson } from '../core/json.ts';
import {
  anyObject,
  type Check,
  count,
  flag,
  hex64,
  listOf,
  mapOf,
  object,
  oneOf,
  optional,
  orNull,
  text,
} from './checks.ts';

/** What a verifier needs of a contract. The rest, its texts and schemas among it, is not kept. */
export interface ContractFacts {
  readonly agentIdentity: string;
  /** `provider/name`. */
  readonly model: string;
  readonly maxOutputTokens: number;
  readonly price: ModelContract['price'];
  readonly tools: ReadonlySet<string>;
  /** Those of the tools that are agents. */
  readonly agents: ReadonlyMap<string, Pick<AgentSource, 'contractSha256' | 'limits' | 'tools'>>;
  readonly limits: Grant;
  readonly budget: Pick<BudgetRule, 'onExceeded' | 'excludeUser' | 'approvers'>;
}

const tier = object({
  aboveInputTokens: count,
  inputPicoUsd: count,
  cacheReadPicoUsd: count,
  cacheWritePicoUsd: count,
  cacheWrite1hPicoUsd: count,
  outputPicoUsd: count,
});

const price = object({
  source: text,
  sourceVersion: text,
  model: text,
  tiers: listOf(tier),
  billedInput: listOf(oneOf('input', 'cacheRead', 'cacheWrite', 'cacheWrite1h')),
  feesPicoUsd: mapOf(count),
  multipliersPermille: mapOf(count),
});

const grant = object({
  usdNano: orNull(count),
  tokens: orNull(count),
  wallMs: count,
  toolCalls: orNull(count),
  recursionDepth: count,
});

/** The members that are needed here. Others are the contract's own business. */
const MEMBERS: readonly (readonly [path: readonly string[], check: Check])[] = [
  [['agent'], text],
  [['version'], text],
  [['tools'], mapOf(anyObject)],
  [['limits'], grant],
  [['budget', 'onExceeded'], oneOf('kill', 'ask')],
  [['budget', 'excludeUser'], flag],
  [['budget', 'approvers'], orNull(text)],
  [['model', 'provider'], text],
  [['model', 'name'], text],
  [['model', 'maxOutputTokens'], count],
  [['model', 'price'], orNull(price)],
];

/**
 * Reads a contract that may be anybody's.
 *
 * @param bytes its canonical form, without LF
 * @returns why it is none, in a sentence, when it is none
 */
export function contractFacts(bytes: Buffer): ContractFacts | { readonly why: string } {
  const value = isUtf8(bytes) ? parsed(bytes.toString()) : undefined;
  if (value === undefined) return { why: 'it is not a JSON object in canonical form (RFC 8785)' };
  if (value['format'] !== CONTRACT_FORMAT)
    return { why: `its format is not ${CONTRACT_FORMAT}: it is of a newer release` };
  for (const [path, check] of MEMBERS) {
    const fault = check(path.reduce<unknown>(memberOf, value));
    if (fault !== null) return { why: `${path.join('.')} ${fault}` };
  }
  const contract = value as unknown as Contract;
  const tiers = contract.model.price === null ? null : tiersProblem(contract.model.price.tiers);
  const why = tiers ?? agentsProblem(contract.tools);
  return why === null ? factsOf(contract) : { why };
}

function agentsOf(tools: Contract['tools']): ReadonlyMap<string, AgentSource> {
  const agents = new Map<string, AgentSource>();
  for (const [name, { source }] of Object.entries(tools)) if (source?.kind === 'agent') agents.set(name, source);
  return agents;
}

const agentSource = object({
  kind: text,
  agent: text,
  contractSha256: hex64,
  limits: grant,
  tools: optional(listOf(text)),
});

/** Why a tool that is an agent is none, or null. */
function agentsProblem(tools: Contract['tools']): string | null {
  for (const [name, source] of agentsOf(tools)) {
    const fault = agentSource(source);
    if (fault !== null) return `tools.${name}.source ${fault}`;
  }
  return null;
}

function factsOf({ agent, version, model, tools, limits, budget }: Contract): ContractFacts {
  return {
    agentIdentity: `${agent}/${version}`,
    model: `${model.provider}/${model.name}`,
    maxOutputTokens: model.maxOutputTokens,
    price: model.price,
    tools: new Set(Object.keys(tools)),
    agents: agentsOf(tools),
    limits,
    budget,
  };
}

function tiersProblem(tiers: readonly { readonly aboveInputTokens: number }[]): string | null {
  const isRight = tiers.every(({ aboveInputTokens }, index) =>
    index === 0 ? aboveInputTokens === 0 : aboveInputTokens > (tiers[index - 1]?.aboveInputTokens ?? 0),
  );
  return isRight && tiers.length > 0 ? null : 'model.price.tiers do not ascend from 0';
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>)[name] : undefined;
}

function parsed(written: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(written);
    if (checkJson(value) !== null || typeof value !== 'object' || value === null || Array.isArray(value))
      return undefined;
    return canonicalJson(value) === written ? (value as Readonly<Record<string, unknown>>) : undefined;
  } catch {
    return undefined;
  }
}
