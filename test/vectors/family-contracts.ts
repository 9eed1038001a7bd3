import { canonicalJson } from '../../src/core/canonical.ts';
import type { AgentSource, Contract, Grant, ToolContract } from '../../src/core/contract.ts';
import { CONTRACT } from './bundle-contract.ts';
import { sha256 } from './play.ts';

/** The contracts of a session, of those that work for it, and of one that works for one of those. */

const { lookup_order: lookup } = CONTRACT.tools as { lookup_order: ToolContract };

function agentTool(contract: Contract, limits: Grant): ToolContract {
  const { agent } = contract;
  const source: AgentSource = { kind: 'agent', agent, contractSha256: shaOf(contract), limits, tools: toolsBelow(contract) };
  return { ...lookup, source, description: 'An agent.', redact: { showArgs: [], showResult: false } };
}

const CLERK_LIMITS: Grant = { usdNano: 8_000_000, tokens: 4_000, wallMs: 60_000, toolCalls: 2, recursionDepth: 2 };
/** How many tools it calls nothing limits. */
const RESEARCHER_LIMITS: Grant = { usdNano: 10_000_000, tokens: 10_000, wallMs: 300_000, toolCalls: null, recursionDepth: 2 };

export const CLERK: Contract = { ...CONTRACT, agent: 'clerk' };
export const RESEARCHER: Contract = {
  ...CONTRACT,
  agent: 'researcher',
  limits: { ...CONTRACT.limits, recursionDepth: 1 },
  tools: { lookup_order: lookup, ask_clerk: agentTool(CLERK, CLERK_LIMITS) },
};
export const CHIEF: Contract = {
  ...CONTRACT,
  limits: { ...CONTRACT.limits, tokens: 40_000, recursionDepth: 2 },
  tools: { ...CONTRACT.tools, research: agentTool(RESEARCHER, RESEARCHER_LIMITS) },
};

/** The tools that a session under a contract, or one below it, may call. */
export function toolsBelow({ tools }: Contract): readonly string[] {
  const below = Object.entries(tools).flatMap(([name, { source }]) => [name, ...(source.kind === 'agent' ? (source.tools ?? []) : [])]);
  return [...new Set(below)].toSorted();
}

export function shaOf(contract: Contract): string {
  return sha256(canonicalJson(contract));
}

/** Contracts as a bundle has them. */
export const FAMILY_CONTRACTS: Readonly<Record<string, string>> = Object.fromEntries(
  [CHIEF, RESEARCHER, CLERK].map((contract) => [shaOf(contract), canonicalJson(contract)]),
);
