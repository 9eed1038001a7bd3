/** A worker knows of a change after this at the latest, in milliseconds: then it lets no call of a stopped agent begin. */
export const SWITCH_SEEN_WITHIN_MS = 1_000;

/** Somebody turned the kill switch on or off, for one agent or for all. */
export interface SwitchChange {
  /** The agent's name without its version; null: all agents. */
  readonly agent: string | null;
  readonly isOn: boolean;
  readonly by: string;
  readonly reason: string | null;
  /** RFC 3339, UTC, milliseconds, by the clock of who turned it. */
  readonly at: string;
}

/** The kill switches: one for all agents, and one for each. What was changed is never forgotten. */
export interface SwitchStore {
  /** Turns a switch. A switch that is on may be turned on again, by somebody else or for another reason. */
  turn(change: SwitchChange): Promise<void>;
  /** The last change of every switch that is on now; the one for all agents first, then by name. */
  on(): Promise<readonly SwitchChange[]>;
  /** The last changes, newest first. */
  changes(limit: number): Promise<readonly SwitchChange[]>;
}
