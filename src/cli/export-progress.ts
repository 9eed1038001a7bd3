import type { Terminal } from './terminal.ts';

/** Nothing is said of what is done sooner. */
const QUIET_MS = 2_000;
const LIVE_EVERY_MS = 250;
/** Where stderr is no terminal, each line stays. */
const LINE_EVERY_MS = 5_000;

/** Told how far an export is. */
export interface Progress {
  readonly onRecord: () => void;
  /** Bytes that were written. */
  readonly onBlock: (bytes: number) => void;
}

/** Says on stderr how far an export is: records, megabytes and their rate, once it takes more than two seconds. */
export function exportProgress(terminal: Terminal): Progress {
  const startedMs = performance.now();
  let saidMs = startedMs + QUIET_MS - LINE_EVERY_MS;
  let records = 0;
  let bytes = 0;
  const onBlock = (newBytes: number): void => {
    bytes += newBytes;
    const nowMs = performance.now();
    if (nowMs - startedMs < QUIET_MS || nowMs - saidMs < (terminal.isLive ? LIVE_EVERY_MS : LINE_EVERY_MS)) return;
    saidMs = nowMs;
    const text = `${records.toLocaleString('en')} records, ${megabytes(bytes)} MB, ${megabytes((bytes / (nowMs - startedMs)) * 1000)} MB/s`;
    if (terminal.isLive) terminal.live(text);
    else terminal.say(text);
  };
  return {
    onRecord: () => {
      records += 1;
    },
    onBlock,
  };
}

function megabytes(bytes: number): string {
  return (bytes / 1e6).toLocaleString('en', { maximumFractionDigits: bytes < 1e7 ? 1 : 0 });
}
