import type { Terminal } from './terminal.ts';

/** Nothing is said of what is there sooner. */
const QUIET_MS = 2_000;

/** What is waited for where only a worker can answer. */
export const WORKER = 'a worker: start one with `aegrail worker` or `aegrail up`';

/** Waits for something, and says so on stderr when it takes more than two seconds. */
export async function waitingFor<T>(work: Promise<T>, what: string, terminal: Terminal): Promise<T> {
  const timer = setTimeout(() => terminal.say(`waiting for ${what}`), QUIET_MS);
  try {
    return await work;
  } finally {
    clearTimeout(timer);
  }
}
