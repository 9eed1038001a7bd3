import { closeSync, openSync } from 'node:fs';
import { isatty } from 'node:tty';

/** Whether this process talks to a terminal. One under nohup, a service or a container does not. */
export function usesTerminal(): boolean {
  return [0, 1, 2].some((fd) => isatty(fd));
}

/** Whether the terminal that this process was started from was closed: the system lets go of it before it says SIGHUP. */
export function isTerminalGone(): boolean {
  try {
    closeSync(openSync('/dev/tty', 'r'));
    return false;
  } catch {
    return true;
  }
}
