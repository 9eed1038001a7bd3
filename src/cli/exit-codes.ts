import type { ErrorCode } from '../core/errors.ts';
import type { DevServerErrorCode } from '../devserver/errors.ts';

/** What a command's exit code means. */
export const EXIT = {
  done: 0,
  /** What was asked about is bad: a log that does not verify, a session that was killed, cancelled or failed. */
  bad: 1,
  /** Wrong use: arguments, a contract file, a session, an account or a schedule that there is not. */
  usage: 2,
  /** No Temporal server, or no worker that answers. */
  noServer: 3,
  /** Ctrl-C before the end, as every shell has it. */
  interrupted: 130,
} as const;

const USAGE_CODES: ReadonlySet<string> = new Set<ErrorCode | DevServerErrorCode>([
  'CONFIG_INVALID',
  'INPUT_INVALID',
  'AGENT_UNKNOWN',
  'CONTRACT_VERSION',
  'LIMIT_ABOVE_CONTRACT',
  'SESSION_ID_USED',
  'SESSION_UNKNOWN',
  'ACCOUNT_UNKNOWN',
  'SCHEDULE_UNKNOWN',
  'SCHEDULE_EXISTS',
  'port_taken',
]);

const NO_SERVER_CODES: ReadonlySet<string> = new Set<ErrorCode | DevServerErrorCode>([
  'SERVER_UNREACHABLE',
  'SESSION_SILENT',
  'BINARY_MISSING',
  'binary_unusable',
  'sum_mismatch',
  'no_binary',
  'lock_timeout',
  'exited_early',
  'not_ready',
]);

/** The exit code for an error's code. */
export function exitCodeOf(code: string): number {
  if (USAGE_CODES.has(code)) return EXIT.usage;
  return NO_SERVER_CODES.has(code) ? EXIT.noServer : EXIT.bad;
}
