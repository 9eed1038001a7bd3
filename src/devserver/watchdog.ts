import { spawn } from 'node:child_process';
import { Socket } from 'node:net';

/*
 * The CLI has no option to end with its parent, and a parent killed with SIGKILL can't clean up. So a small shell waits on a
 * pipe from us. The kernel closes that pipe however we end, and the shell then ends the server: politely, and after 5 s by force.
 */
const script = `
read -r _
kill -TERM "$1" 2>/dev/null || exit 0
left=50
while [ "$left" -gt 0 ] && kill -0 "$1" 2>/dev/null; do sleep 0.1; left=$((left - 1)); done
kill -KILL "$1" 2>/dev/null
exit 0`;

/**
 * Ends process `pid` when this process ends, whatever the way. Doesn't keep this process alive.
 * @returns calls the watchdog off; to be called when `pid` has ended, before its number can go to another process.
 */
export function guardAgainstOurEnd(pid: number): () => void {
  // A group of its own, so that Ctrl-C in the terminal doesn't end the watchdog first.
  const child = spawn('/bin/sh', ['-c', script, 'sh', String(pid)], {
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  child.on('error', () => undefined); // without a shell the server is still ended by stop()
  child.stdin.on('error', () => undefined);
  if (child.stdin instanceof Socket) child.stdin.unref();
  child.unref();
  return () => {
    child.kill('SIGKILL');
  };
}
