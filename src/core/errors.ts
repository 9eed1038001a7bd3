/**
 * Every error that aegrail throws, by code: what it means to a program. Refusals and kills are data and are in
 * refusals.ts.
 */
export const ERROR_CODES = {
  CONFIG_INVALID: 'The contract file, or what it points at, is wrong. Exit code 2.',
  INPUT_INVALID: 'A session was started with an input that is not of the documented shape.',
  AGENT_UNKNOWN: 'No contract of the worker has an agent of this name.',
  CONTRACT_VERSION: 'The agent has another version than the one asked for.',
  CONTRACT_UNTRUSTED: 'The worker runs only sessions that a trusted key signed, and this one is not.',
  LIMIT_ABOVE_CONTRACT: 'A limit given at the start is above that of the contract.',
  SESSION_ID_USED: 'A session of this id has already been: its log can not be begun again.',
  SESSION_UNKNOWN: 'There is no session of this id.',
  SESSION_OPENING: 'No worker has opened this session yet: it has nothing to say of itself.',
  SESSION_SILENT: 'No worker answered for this session in time. Exit code 3.',
  SESSION_OPEN: 'The log of this session has no end yet, and what was asked for needs one.',
  SESSION_LOST: 'A session was ended from outside, by terminate or a timeout, without an end of its own.',
  SEARCH_ATTRIBUTES_REFUSED: 'The namespace does not take the search attributes: not permitted, no room, another type.',
  SCHEDULE_UNKNOWN: 'There is no schedule of sessions of this name.',
  SCHEDULE_EXISTS: 'There is a schedule of this name already.',
  ACCOUNT_UNKNOWN: 'There is no account of this name: a session that is on it does not start.',
  ACCOUNT_UNREACHABLE: 'An account of the session did not answer.',
  SERVER_UNREACHABLE: 'No Temporal server answers. Exit code 3.',
  PERMIT_MISSING: 'An activity, child workflow or Nexus operation was scheduled past the guard.',
  PERMIT_REFUSED: 'A call reached a worker with a permit that does not hold.',
  DELEGATION_REFUSED: 'A session says that another one started it, and that one does not, or has ended.',
  KILL_SWITCH_ON: 'The kill switch is on, for this agent or for all: nothing of it runs.',
  AUDIT_UNAVAILABLE: 'The store did not take the records that admit a call, so the call did not run.',
  AUDIT_FORK: 'The store has another record under the same session and sequence number.',
  SESSION_ENDED: 'The session has ended: its log has its last record, and nothing is added or changed after it.',
  MODEL_FAILED: 'The model provider failed, and trying again would not help or did not fit the budget.',
  TOOL_FAILED: 'A tool failed, or did not answer.',
  MESSAGE_REFUSED: 'The session takes no message: it has ended, ends with its first answer, or too many wait.',
  END_REFUSED: 'Only a conversation is told to end: this session ends by itself, with its answer.',
  APPROVAL_REFUSED: 'The decision changes nothing: no such request, too late, or not for this person to make.',
  TOPUP_REFUSED: 'The budget is not raised: the contract does not ask, or this person may not.',
  MIGRATION_REFUSED: 'The session stays under its contract: it may not, or can not, go on under the other one.',
  SESSION_KILLED: 'A budget was exceeded, and the session was started with failOnKill.',
  BINARY_MISSING: 'A server binary could not be had.',
  PAYLOAD_UNREADABLE: 'What Temporal holds is encrypted with a key that is not at hand, or was changed.',
  LOG_INVALID: 'An exported log does not verify.',
} as const;

/** A key of {@link ERROR_CODES}. */
export type ErrorCode = keyof typeof ERROR_CODES;

/** The one error class. `code` is stable and for programs, `message` is for people. */
export class AegrailError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'AegrailError';
    this.code = code;
  }
}

/** A thrown value's message, whatever was thrown. */
export function messageOf(thrown: unknown): string {
  if (thrown instanceof Error) return thrown.message;
  try {
    return String(thrown);
  } catch {
    // An object without a prototype has no words for itself.
    return 'something that is no error was thrown';
  }
}
