import { canonicalJson } from './canonical.ts';
import type { AgentSource, ApprovalRule, Contract, ToolContract, When } from './contract.ts';
import { lowerOf } from './limits.ts';

/**
 * The contract of a sub-agent's session: what it may do is at most what it and its parent both may. A tool stays where the
 * parent has the same one, under the rules of both. Agents that it may call stay while the depth allows a session below it.
 *
 * Its budget is a slice of its parent's, which nobody can raise for it.
 *
 * @param mayDelegate whether a session may be below this one
 */
export function attenuate(parent: Contract, child: Contract, mayDelegate: boolean): Contract {
  const tools: Record<string, ToolContract> = {};
  for (const [name, tool] of Object.entries(child.tools)) {
    if (tool.source.kind === 'agent') {
      if (mayDelegate) tools[name] = agentTool(parent, tool, tool.source);
      continue;
    }
    const above = Object.hasOwn(parent.tools, name) ? parent.tools[name] : undefined;
    if (above && canonicalJson(above.source) === canonicalJson(tool.source)) tools[name] = both(above, tool);
  }
  // What it spends is its parent's, from whose accounts it was leased.
  const { accounts: _, ...own } = child;
  return {
    ...own,
    tools,
    budget: { ...child.budget, onExceeded: 'kill' },
    audit: parent.audit === 'required' ? 'required' : child.audit,
  };
}

/** An agent that the parent may call too is called under the rules of both, and given no more than either would give it. */
function agentTool(parent: Contract, own: ToolContract, source: AgentSource): ToolContract {
  const above = Object.values(parent.tools).find(
    (one) => one.source.kind === 'agent' && one.source.agent === source.agent,
  );
  if (above?.source.kind !== 'agent') return own;
  const limits = lowerOf(above.source.limits, source.limits);
  return { ...both(above, own), source: { ...source, limits } };
}

function both(above: ToolContract, own: ToolContract): ToolContract {
  return {
    ...own,
    when: bothRules(above.when, own.when),
    approval: bothApprovals(above.approval, own.approval),
    timeoutMs: Math.min(above.timeoutMs, own.timeoutMs),
    idempotent: above.idempotent && own.idempotent,
    redact: {
      showArgs: own.redact.showArgs.filter((name) => above.redact.showArgs.includes(name)),
      showResult: above.redact.showResult && own.redact.showResult,
    },
    secrets: own.secrets.filter((name) => above.secrets.includes(name)),
  };
}

function bothRules(above: When | null, own: When | null): When | null {
  if (above === null || own === null) return above ?? own;
  return { all: [above, own] };
}

/** Asks where either asks, and takes the word of those alone whom both take. */
function bothApprovals(above: ApprovalRule | null, own: ApprovalRule | null): ApprovalRule | null {
  if (above === null || own === null) return above ?? own;
  return {
    ...eitherAsks(above, own),
    quorum: Math.max(above.quorum, own.quorum),
    approvers:
      above.approvers === null || own.approvers === null
        ? (above.approvers ?? own.approvers)
        : joined(above.approvers, '&&', own.approvers),
    excludeUser: above.excludeUser || own.excludeUser,
    expiresMs: Math.min(above.expiresMs, own.expiresMs),
    show: above.show === 'full' && own.show === 'full' ? 'full' : 'redacted',
  };
}

/** When either asks: always where one of them always does, above the lower of their spends, or by either rule. */
function eitherAsks(above: ApprovalRule, own: ApprovalRule): Pick<ApprovalRule, 'when' | 'aboveUsdNano'> {
  if ([above, own].some(({ when, aboveUsdNano }) => when === null && aboveUsdNano === undefined)) return { when: null };
  const spends = [above, own].flatMap(({ aboveUsdNano }) => aboveUsdNano ?? []);
  return {
    when: above.when === null || own.when === null ? (above.when ?? own.when) : joined(above.when, '||', own.when),
    ...(spends.length === 0 ? {} : { aboveUsdNano: Math.min(...spends) }),
  };
}

/** Each was parsed by itself when its contract was made, so neither can reach out of its brackets. Lines end comments. */
function joined(a: string, operator: '||' | '&&', b: string): string {
  return `(${a}\n) ${operator} (${b}\n)`;
}
