import process from 'node:process';
import pc from 'picocolors';

/** Work that takes longer than this is said to go on, every so often, where no line can be redrawn. */
const STILL_MS = 2_000;

/**
 * Says on stderr what is being waited for, with the seconds: on a terminal in one line that is gone afterwards, elsewhere in a line every
 * two seconds.
 */
export async function withProgress<T>(what: string, work: Promise<T>): Promise<T> {
  const startedAt = performance.now();
  const seconds = (): string => `${((performance.now() - startedAt) / 1000).toFixed(0)} s`;
  const isTerminal = process.stderr.isTTY;
  const draw = (): void =>
    void process.stderr.write(isTerminal ? `\r${pc.dim(`… ${what}, ${seconds()}`)}` : `… ${what}, ${seconds()}\n`);
  if (isTerminal) draw();
  const timer = setInterval(draw, isTerminal ? 200 : STILL_MS);
  try {
    return await work;
  } finally {
    clearInterval(timer);
    if (isTerminal) process.stderr.write('\r\x1b[2K');
  }
}
