import type { OnProgress } from '../audit/bundle-tree.ts';
import type { Terminal } from './terminal.ts';

/** Nothing is said of what is done sooner. */
const QUIET_MS = 2_000;
const LIVE_EVERY_MS = 250;
/** Where stderr is no terminal, each line stays. */
const LINE_EVERY_MS = 5_000;

/** Says on stderr how far a verification is, once it takes more than two seconds. */
export function verifyProgress(terminal: Terminal): OnProgress {
  const startedMs = performance.now();
  let saidMs = startedMs + QUIET_MS - LINE_EVERY_MS;
  return (done, what) => {
    const nowMs = performance.now();
    if (nowMs - startedMs < QUIET_MS || nowMs - saidMs < (terminal.isLive ? LIVE_EVERY_MS : LINE_EVERY_MS)) return;
    saidMs = nowMs;
    const text = `${done.toLocaleString('en')} ${what} read`;
    if (terminal.isLive) terminal.live(text);
    else terminal.say(text);
  };
}
