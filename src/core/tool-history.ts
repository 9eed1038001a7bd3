/** How often a tool was admitted in a session, and how often it is running now. */
export interface ToolHistory {
  readonly admitted: number;
  readonly inFlight: number;
}

/** Calls by the name of their tool. */
export type ToolHistories = Readonly<Record<string, ToolHistory>>;

/** The session of a sub-agent that runs: what it may have called is not known yet. */
export interface CallsOfAgent {
  /** The tools that it, or one below it, may call. */
  readonly tools: readonly string[];
  /** Most calls of each: its limit of tool calls. */
  readonly most: number;
}

/** As many calls as a session may make that nothing limits: more than any rule counts to. */
export const UNLIMITED_CALLS = 1_000_000_000;

/** One call more, or less. */
export function countCall(tools: ToolHistories, tool: string, call: ToolHistory): ToolHistories {
  return addHistories(tools, { [tool]: call });
}

/** The sum of two histories, by tool. */
export function addHistories(a: ToolHistories, b: ToolHistories): ToolHistories {
  const sum: Record<string, ToolHistory> = { ...a };
  for (const [tool, { admitted, inFlight }] of Object.entries(b)) {
    const before = Object.hasOwn(sum, tool) ? sum[tool] : undefined;
    sum[tool] = {
      admitted: countable((before?.admitted ?? 0) + admitted),
      inFlight: countable((before?.inFlight ?? 0) + inFlight),
    };
  }
  return sum;
}

/** Calls that are over. */
export function overCalls(calls: Readonly<Record<string, number>>): ToolHistories {
  const entries = Object.entries(calls).map(([tool, admitted]) => [tool, { admitted, inFlight: 0 }] as const);
  return Object.fromEntries(entries);
}

/** All that a sub-agent may call. */
export function mostCalls({ tools, most }: CallsOfAgent): Record<string, number> {
  return Object.fromEntries(tools.map((tool) => [tool, most]));
}

/** The same while it runs. */
export function mostInFlight({ tools, most }: CallsOfAgent): ToolHistories {
  return Object.fromEntries(tools.map((tool) => [tool, { admitted: most, inFlight: most }]));
}

function countable(sum: number): number {
  return Math.min(sum, Number.MAX_SAFE_INTEGER);
}
