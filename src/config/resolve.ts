import { createHash } from 'node:crypto';
import { canonicalJson } from '../core/canonical.ts';
import {
  CONTRACT_FORMAT,
  type ApprovalRule,
  type BudgetRule,
  type Contract,
  type ModelContract,
  type PinnedContract,
  type CodeSource,
  type ToolContract,
} from '../core/contract.ts';
import type { ContextRule } from '../core/context-rule.ts';
import { AegrailError, messageOf } from '../core/errors.ts';
import { checkJson } from '../core/json.ts';
import { atMost, grantFromFile } from '../core/limits.ts';
import { compileSchema } from '../core/schema.ts';
import { usdToNano } from '../core/units.ts';
import { utf8Bytes } from '../core/values.ts';
import { freezePrice } from '../pricing/freeze.ts';
import { windowTokensOf } from '../pricing/window.ts';
import type { Providers } from '../providers/registry.ts';
import type { Toolbox } from '../tools/toolbox.ts';
import type { LoadedConfig } from './load.ts';
import { calledFirst, TASK_SCHEMA } from './sub-agents.ts';
import type { AgentFile, SubAgentFile, ToolFile } from './schema.ts';

/** Largest contract: it is in every session's history once. */
const MAX_CONTRACT_BYTES = 1_000_000;

/** Tokens that a provider adds by itself to a request with tools: Anthropic has a system prompt for them. */
const PROMPT_OVERHEAD_TOKENS = { anthropic: 1_024, openai: 128, 'openai-compatible': 256 } as const;

/** What a contract is completed with. */
export interface ResolveDeps {
  readonly toolbox: Toolbox;
  readonly providers: Providers;
  /** Day of the prices. */
  readonly at: Date;
}

/**
 * Completes the agents of a contract file to contracts: tools with the schemas that modules and MCP servers have now,
 * prices frozen.
 *
 * @throws AegrailError CONFIG_INVALID: all problems, each with file and line
 */
export async function resolveContracts(config: LoadedConfig, deps: ResolveDeps): Promise<PinnedContract[]> {
  const problems: string[] = [];
  const report = (name: string, path: readonly string[], why: string): void => {
    const full = ['agents', name, ...path];
    problems.push(`${config.source.at(full)}: ${full.join('.')}: ${why}`);
  };
  const { agents } = config.file;
  const contracts = new Map<string, PinnedContract>();
  // Who calls another comes after it: its contract names that one's.
  for (const name of calledFirst(agents, report)) {
    const agent = agents[name];
    if (!agent) continue;
    const contract = await contractOf(name, agent, config, { ...deps, called: contracts }, (path, why) =>
      report(name, path, why),
    );
    if (contract) contracts.set(name, contract);
  }
  if (problems.length > 0) throw new AegrailError('CONFIG_INVALID', problems.join('\n'));
  return Object.keys(agents).flatMap((name) => contracts.get(name) ?? []);
}

type Report = (path: readonly string[], why: string) => void;

async function contractOf(
  name: string,
  agent: AgentFile,
  config: LoadedConfig,
  deps: ResolveDeps & { readonly called: ReadonlyMap<string, PinnedContract> },
  report: Report,
): Promise<PinnedContract | null> {
  const model = modelOf(agent, config, deps, report);
  const tools: Record<string, ToolContract> = {};
  for (const [tool, file] of Object.entries(agent.tools)) {
    const resolved = await toolOf(tool, file, deps.toolbox, (why) => report(['tools', tool], why));
    if (resolved) tools[tool] = resolved;
  }
  for (const [tool, file] of Object.entries(agent.agents)) {
    const called = deps.called.get(file.agent ?? tool);
    // What is wrong with that one is said of it.
    if (called) tools[tool] = agentTool(file, called);
  }
  if (!model) return null;
  const { version, instructions, audit, maxParallelCalls, maxResultBytes, loops } = agent;
  const limits = grantFromFile(agent.limits);
  const context = contextOf(agent, deps.at, report);
  const contract: Contract = {
    format: CONTRACT_FORMAT,
    agent: name,
    version,
    instructions,
    model,
    tools,
    limits,
    budget: budgetOf(agent.budget),
    audit,
    maxParallelCalls,
    maxResultBytes,
    loops: loops.onRepeat === undefined ? { maxRepeats: loops.maxRepeats } : { ...loops, onRepeat: loops.onRepeat },
    ...(context && { context }),
    ...(agent.accounts ? { accounts: agent.accounts } : {}),
  };
  const unsafe = checkJson(contract);
  if (unsafe) report([], `can not be written down as JSON: ${unsafe}`);
  if (unsafe) return null;
  const json = canonicalJson(contract);
  if (utf8Bytes(json) > MAX_CONTRACT_BYTES)
    report([], `has ${utf8Bytes(json)} bytes with the schemas of its tools, and may have ${MAX_CONTRACT_BYTES}`);
  return { contract, sha256: createHash('sha256').update(json).digest('hex') };
}

function modelOf(
  agent: AgentFile,
  { file }: LoadedConfig,
  { providers, at }: ResolveDeps,
  report: Report,
): ModelContract | null {
  const [provider = '', ...rest] = agent.model.split('/');
  const name = rest.join('/');
  const settings = Object.hasOwn(providers, provider) ? providers[provider] : undefined;
  if (!settings) {
    report(
      ['model'],
      `there is no provider ${provider}; there are ${Object.keys(providers).join(', ')}. Add it under providers, with its baseUrl`,
    );
    return null;
  }
  const overrides = Object.hasOwn(file.prices, agent.model) ? file.prices[agent.model] : undefined;
  let price = null;
  try {
    price = freezePrice({ provider, model: name, at, ...(overrides ? { overrides } : {}) });
  } catch (thrown) {
    report(['model'], messageOf(thrown));
  }
  if (price === null && agent.limits.usd !== undefined) {
    report(
      ['model'],
      `the price of ${agent.model} is not known, and limits.usd is set. Give it under prices, such as prices: { ${agent.model}: { inputUsdPerMillion: 1, outputUsdPerMillion: 4 } }, or limit tokens instead`,
    );
  }
  const { protocol } = settings;
  return {
    provider,
    protocol,
    name,
    maxOutputTokens: agent.maxOutputTokens,
    minOutputTokens: agent.minOutputTokens,
    promptOverheadTokens: PROMPT_OVERHEAD_TOKENS[protocol],
    timeoutMs: Math.round(agent.modelTimeoutSeconds * 1000),
    price,
  };
}

async function toolOf(
  name: string,
  file: ToolFile,
  toolbox: Toolbox,
  report: (why: string) => void,
): Promise<ToolContract | null> {
  const source = sourceOf(name, file);
  try {
    const { description, inputSchema } = await toolbox.describe(source);
    compileSchema(inputSchema);
    const { when, timeoutSeconds, idempotent, redact, secrets } = file;
    return {
      source,
      description: file.description ?? description,
      inputSchema,
      when: whenOf(when),
      approval: approvalOf(file.approval),
      timeoutMs: Math.round(timeoutSeconds * 1000),
      idempotent,
      redact,
      secrets,
    };
  } catch (thrown) {
    report(messageOf(thrown));
    return null;
  }
}

/** Another agent as a tool. Its limits are its own, lowered by what its caller gives it. */
function agentTool(
  { description, when, approval, limits, redact }: SubAgentFile,
  { contract, sha256 }: PinnedContract,
): ToolContract {
  const { agent } = contract;
  return {
    source: {
      kind: 'agent',
      agent,
      contractSha256: sha256,
      limits: atMost(contract.limits, limits),
      tools: toolsBelow(contract),
    },
    description: description ?? `Hands a task to the agent ${agent}, and answers what it says.`,
    inputSchema: TASK_SCHEMA,
    when: whenOf(when),
    approval: approvalOf(approval),
    timeoutMs: contract.limits.wallMs,
    idempotent: false,
    redact,
    secrets: [],
  };
}

/** The tools that a session of this contract may call, or one below it. */
function toolsBelow({ tools }: Contract): string[] {
  const below = Object.values(tools).flatMap(({ source }) => (source.kind === 'agent' ? (source.tools ?? []) : []));
  return Array.from(new Set([...Object.keys(tools), ...below])).toSorted();
}

function whenOf(when: ToolFile['when']): ToolContract['when'] {
  if (when === undefined) return null;
  return typeof when === 'string' ? { cel: when } : when;
}

function budgetOf(given: AgentFile['budget']): BudgetRule {
  const { onExceeded, excludeUser, askSeconds, softLimit } = given;
  return {
    onExceeded,
    approvers: given.approvers ?? null,
    excludeUser,
    askMs: Math.round(askSeconds * 1000),
    softPermille: Math.round(softLimit * 1000),
  };
}

/** Most of the window that a conversation fills before it is compacted, where the file does not say. */
const COMPACT_AT = 0.8;

/** Null: it is never compacted. */
function contextOf({ model, context }: AgentFile, at: Date, report: Report): ContextRule | null {
  if (context.compactAt === 0) return null;
  const windowTokens = context.windowTokens ?? windowTokensOf(model, at);
  if (windowTokens === null && context.compactAt !== undefined)
    report(['context'], `the window of ${model} is not known: give it as windowTokens`);
  const compactPermille = Math.round((context.compactAt ?? COMPACT_AT) * 1000);
  return windowTokens === null ? null : { windowTokens, compactPermille };
}

const DAY_MS = 86_400_000;

/** `approval: true` is the rule with nothing but its defaults: every call, one person, a day. */
function approvalOf(given: ToolFile['approval']): ApprovalRule | null {
  if (given === undefined) return null;
  if (given === true)
    return { when: null, quorum: 1, approvers: null, excludeUser: true, expiresMs: DAY_MS, show: 'redacted' };
  const { when = null, approvers = null, aboveUsd, quorum, excludeUser, expiresSeconds, show } = given;
  const above = aboveUsd === undefined ? {} : { aboveUsdNano: usdToNano(aboveUsd) };
  return { when, ...above, quorum, approvers, excludeUser, expiresMs: Math.round(expiresSeconds * 1000), show };
}

function sourceOf(name: string, { module, export: exported, mcp, tool }: ToolFile): CodeSource {
  return mcp === undefined
    ? { kind: 'module', module: module ?? '', export: exported ?? name }
    : { kind: 'mcp', server: mcp, tool: tool ?? name };
}
