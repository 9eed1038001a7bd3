/** Who acts for whom. */
export interface Principal {
  /** `support-bot/v1@sess_<ms>_<rand>` */
  readonly id: string;
  readonly agent: string;
  readonly version: string;
  readonly user: string;
  /** Principals above this one, the first ancestor first. Empty for a session that a person started. */
  readonly chain: readonly string[];
  /** After this it acts for nobody; milliseconds since the epoch. */
  readonly expiresMs: number;
}

/** `name/version`, as in records. */
export function agentIdentity(agent: string, version: string): string {
  return `${agent}/${version}`;
}

/** Builds a session's principal. `random` is 12 hex digits: seeded in a workflow, so that a replay gives the same. */
export function makePrincipal(
  who: Pick<Principal, 'agent' | 'version' | 'user' | 'chain'>,
  startedMs: number,
  random: string,
  lifetimeMs: number,
): Principal {
  return {
    id: `${agentIdentity(who.agent, who.version)}@sess_${startedMs}_${random}`,
    ...who,
    expiresMs: startedMs + lifetimeMs,
  };
}

const PRINCIPAL = /^([A-Za-z0-9][A-Za-z0-9._-]*)\/([A-Za-z0-9][A-Za-z0-9._-]*)@sess_(\d+)_([0-9a-f]+)$/;

/** The parts of a principal's id, or null when it is none. */
export function parsePrincipalId(
  id: string,
): { agent: string; version: string; startedMs: number; random: string } | null {
  const [, agent, version, startedMs, random] = PRINCIPAL.exec(id) ?? [];
  if (!agent || !version || !startedMs || !random) return null;
  return { agent, version, startedMs: Number(startedMs), random };
}
