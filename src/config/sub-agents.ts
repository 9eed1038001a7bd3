import type { ContractFile } from './schema.ts';

/** What an agent is called with: the arguments of the tool that it is to another. */
export const TASK_SCHEMA = {
  type: 'object',
  properties: {
    task: {
      type: 'string',
      minLength: 1,
      maxLength: 100_000,
      description:
        'What is to be done, with all that the other agent has to know: it sees nothing of this conversation.',
    },
  },
  required: ['task'],
  additionalProperties: false,
} as const;

/** Told of what is wrong with an agent, and where. */
export type ReportAgent = (name: string, path: readonly string[], why: string) => void;

/**
 * The names of a contract file's agents, each after those that it may call. Agents that call each other in a circle, that
 * are not there, or that share their name with a tool are reported.
 */
export function calledFirst(agents: ContractFile['agents'], report: ReportAgent): string[] {
  const order: string[] = [];
  const done = new Set<string>();
  const visit = (name: string, above: readonly string[]): void => {
    if (done.has(name)) return;
    const agent = agents[name];
    if (!agent) return;
    for (const [tool, file] of Object.entries(agent.agents)) {
      const called = file.agent ?? tool;
      const problem = callProblem(agents, [...above, name], called, tool);
      if (problem === null) visit(called, [...above, name]);
      else report(name, ['agents', tool], problem);
    }
    done.add(name);
    order.push(name);
  };
  for (const name of Object.keys(agents)) visit(name, []);
  return order;
}

function callProblem(
  agents: ContractFile['agents'],
  above: readonly string[],
  called: string,
  tool: string,
): string | null {
  const caller = above.at(-1) ?? '';
  if (!Object.hasOwn(agents, called)) return `there is no agent ${called}; there are ${Object.keys(agents).join(', ')}`;
  if (Object.hasOwn(agents[caller]?.tools ?? {}, tool))
    return `${tool} is a tool of ${caller} too: one of them needs another name`;
  const at = above.indexOf(called);
  if (at >= 0) return `the agents call each other in a circle: ${[...above.slice(at), called].join(', ')}`;
  const depth = agents[caller]?.limits.maxRecursionDepth ?? 0;
  return depth > 0 ? null : `${caller} may call no agent: its limits.maxRecursionDepth is 0, and must be 1 at least`;
}
