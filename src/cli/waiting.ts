import type { Terminal } from './terminal.ts';

/** Nothing is said of what is there sooner. */
const QUIET_MS = 2_000;

/** What is waited for where only a worker can answer. */
export const WORKER = 'a worker: start one with `aegrail worker` or `aegrail up`';

/**
 * Waits for something, and says so on stderr when it takes more than two seconds.
 *
 * @param what in words; a function where that is to be asked first, which must not reject
 */
export async function waitingFor<T>(
  work: Promise<T>,
  what: string | (() => Promise<string>),
  terminal: Terminal,
): Promise<T> {
  let isOver = false;
  const say = async (): Promise<void> => {
    const words = typeof what === 'string' ? what : await what();
    if (!isOver) terminal.say(`waiting for ${words}`);
  };
  const timer = setTimeout(() => void say(), QUIET_MS);
  try {
    return await work;
  } finally {
    isOver = true;
    clearTimeout(timer);
  }
}
