import { setTimeout as delay } from 'node:timers/promises';
import type { Victim } from './processes.ts';
import type { Random } from './random.ts';

/** How often who is killed, and how far apart. */
export interface KillPlan {
  readonly workerKills: number;
  readonly serverKills: number;
  /** Longest time between two kills, beside what a victim needs to come up again. */
  readonly pauseMs: number;
  /** No kill after that, milliseconds from the start. */
  readonly withinMs: number;
}

/** What was done. */
export interface Killed {
  readonly workers: number;
  readonly server: number;
}

/**
 * Kills workers and the server, in an order and at moments that the seed decides. A victim is let come up first, most of the time;
 * one in six kills follows the one before at once, so that now and then everything is down.
 */
export async function killAround(
  victims: { readonly workers: readonly Victim[]; readonly server: Victim },
  random: Random,
  { workerKills, serverKills, pauseMs, withinMs }: KillPlan,
  say: (line: string) => void,
): Promise<Killed> {
  const endsAt = performance.now() + withinMs;
  const left = { workers: workerKills, server: serverKills };
  while (left.workers + left.server > 0 && performance.now() < endsAt) {
    const isServer = random.whole(1, left.workers + left.server) <= left.server;
    const victim = isServer ? victims.server : random.pick(victims.workers);
    left[isServer ? 'server' : 'workers'] -= 1;
    if (isServer || random.chance(0.9)) await victim.ready();
    if (!random.chance(1 / 6)) await delay(random.whole(0, pauseMs));
    await victim.kill();
    const done = workerKills + serverKills - left.workers - left.server;
    if (done % 10 === 0) say(`${done} of ${workerKills + serverKills} kills`);
  }
  return { workers: workerKills - left.workers, server: serverKills - left.server };
}
