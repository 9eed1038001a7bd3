/** A kill switch that is on: for one agent or for all (null), who turned it on and why. */
export interface SwitchedOn {
  readonly agent: string | null;
  readonly by: string;
  readonly reason: string | null;
}

/** Why nothing runs, for a person. */
export function switchedOnWhy({ agent, by, reason }: SwitchedOn): string {
  const whom = agent === null ? 'all agents' : `the agent ${agent}`;
  return `The kill switch is on for ${whom}: ${by} turned it on${reason === null ? '' : ` (${reason})`}.`;
}
