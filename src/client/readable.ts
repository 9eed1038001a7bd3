import type { WorkflowHandle } from '@temporalio/client';
import { AegrailError, type ErrorCode, ERROR_CODES } from '../core/errors.ts';

/** A payload that the client has no key for comes as a value that says why, and not as what it should be. */
export function readable<T extends object>({ workflowId }: WorkflowHandle, value: T, member: keyof T & string): T {
  if (member in value) return value;
  const why = 'why' in value ? String(value.why) : 'it is something else';
  throw new AegrailError(
    'PAYLOAD_UNREADABLE',
    `What Temporal holds of ${workflowId} can not be read (${why}). If it is encrypted, give the keys of the worker: the contract file's encryption, or AEGRAIL_PAYLOAD_KEYS.`,
  );
}

/** The code of a failure's type, where it is one of ours. */
export function codeOf(type: string | null | undefined): ErrorCode {
  return type && Object.hasOwn(ERROR_CODES, type) ? (type as ErrorCode) : 'SESSION_LOST';
}
