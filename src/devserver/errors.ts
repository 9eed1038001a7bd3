/** What can go wrong while the Temporal binaries are fetched or the dev server is started. */
export type DevServerErrorCode =
  | 'binary_unusable' // an environment variable names something that can't be run
  | 'sum_mismatch' // a fetched binary is not the one that is pinned
  | 'no_binary' // every way to the binary failed
  | 'lock_timeout' // another process held a lock for too long
  | 'port_taken' // a port that was asked for is in use
  | 'exited_early' // the server ended before it answered
  | 'not_ready'; // the server runs but doesn't answer

/** An error of this room; `code` is stable, `message` says what was wrong and what would be right. */
export class DevServerError extends Error {
  readonly code: DevServerErrorCode;

  constructor(code: DevServerErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'DevServerError';
    this.code = code;
  }
}

/** The code of a system error (ENOENT, EEXIST …), undefined for anything else. */
export function systemCodeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/** The first line of whatever was thrown, for a sentence that goes on. */
export function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.split('\n', 1)[0] ?? text;
}
