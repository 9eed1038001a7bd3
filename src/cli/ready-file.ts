import { rmSync, writeFileSync } from 'node:fs';
import { AegrailError, messageOf } from '../core/errors.ts';

/** How often a worker says that it is alive. A health check may call it dead after some missed ones. */
const TOUCH_MS = 5_000;

/**
 * Keeps a file there, touched every 5 s, for as long as the event loop turns.
 *
 * @returns takes it away
 * @throws AegrailError CONFIG_INVALID when it can't be written
 */
export function keepReadyFile(path: string): () => void {
  try {
    touch(path);
  } catch (thrown) {
    throw new AegrailError('CONFIG_INVALID', `--ready-file ${path} can not be written: ${messageOf(thrown)}`, {
      cause: thrown,
    });
  }
  const timer = setInterval(() => {
    try {
      touch(path);
    } catch {
      // A full disk must not end a worker that works: the file grows old, and whoever checks it sees that.
    }
  }, TOUCH_MS);
  timer.unref();
  return () => {
    clearInterval(timer);
    rmSync(path, { force: true });
  };
}

function touch(path: string): void {
  writeFileSync(path, `${process.pid}\n`);
}
