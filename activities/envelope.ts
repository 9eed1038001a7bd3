import { checkJson } from '../src/core/json.ts';
import type { AuditRecord } from '../src/core/record.ts';
import { isPlainObject } from '../src/core/values.ts';
import type { Permit } from '../src/calls.ts';

/** An envelope whose outside was checked. Its call is the activity's own to read. */
export interface CheckedEnvelope {
  readonly call: { readonly contractSha256?: string | null };
  readonly permit: Permit | null;
  readonly records: readonly AuditRecord[];
}

type Members = Readonly<Record<string, unknown>>;
/** What a member must be, by name. */
type Shape = Readonly<Record<string, (value: unknown) => boolean>>;

const SHA256 = /^[0-9a-f]{64}$/;
const MAX_SALT = 64;

const isText = (value: unknown): boolean => typeof value === 'string';
const isNumber = (value: unknown): boolean => typeof value === 'number';
const isSeq = (value: unknown): boolean => Number.isSafeInteger(value) && (value as number) >= 0;
const isSha256 = (value: unknown): boolean => typeof value === 'string' && SHA256.test(value);

const ENVELOPE: Shape = {
  call: isPlainObject,
  permit: (value) => value === null || isPlainObject(value),
  records: Array.isArray,
};

const CALL: Shape = { contractSha256: (value) => value === undefined || value === null || isSha256(value) };

const MAX_ABOVE = 64;

const PERMIT: Shape = {
  sessionId: isText,
  seq: isSeq,
  kind: (value) => value === 'model' || value === 'tool' || value === 'agent',
  digest: isSha256,
  salt: (value) => typeof value === 'string' && value.length <= MAX_SALT,
  untilMs: isNumber,
  above: (value) => value === undefined || (Array.isArray(value) && value.length <= MAX_ABOVE && value.every(isText)),
};

/** What the store, the chain and the sinks read of a record. Its payload is the workflow's. */
const RECORD: Shape = {
  v: isNumber,
  seq: isSeq,
  session_id: isText,
  run_id: isText,
  event_id: isSeq,
  ts: isText,
  event: isText,
  payload: isPlainObject,
  budget: isPlainObject,
};

/** Reads an activity's arguments, whoever scheduled it. By hand and not with zod: each call pays for it. */
export function parseEnvelope(args: readonly unknown[]): CheckedEnvelope | { readonly problem: string } {
  if (args.length !== 1) return { problem: `it has ${args.length} arguments, and must have one envelope` };
  const unsafe = checkJson(args[0], { maxDepth: 128 });
  if (unsafe) return { problem: `its envelope is not plain JSON: ${unsafe}` };
  const malformed = faultOf(args[0]);
  if (malformed) return { problem: `its envelope is malformed: ${malformed}` };
  // The very object that arrived: its digest is over every member.
  return args[0] as CheckedEnvelope;
}

function faultOf(envelope: unknown): string | null {
  if (!isPlainObject(envelope)) return 'it is no object';
  const outside = shapeFault(envelope, ENVELOPE, '') ?? unknownKey(envelope, ENVELOPE, '');
  if (outside) return outside;
  const { call, permit, records } = envelope as { call: Members; permit: Members | null; records: readonly unknown[] };
  return shapeFault(call, CALL, 'call.') ?? permitFault(permit) ?? recordsFault(records);
}

function permitFault(permit: Members | null): string | null {
  return permit && (shapeFault(permit, PERMIT, 'permit.') ?? unknownKey(permit, PERMIT, 'permit.'));
}

function recordsFault(records: readonly unknown[]): string | null {
  for (const [index, record] of records.entries()) {
    const at = `records[${index}]`;
    const fault = isPlainObject(record) ? shapeFault(record, RECORD, `${at}.`) : `${at} is no object`;
    if (fault) return fault;
  }
  return null;
}

function shapeFault(value: Members, shape: Shape, prefix: string): string | null {
  for (const key in shape) {
    const found = Object.hasOwn(value, key) ? value[key] : undefined;
    if (!shape[key]?.(found)) return `${prefix}${key} is missing, or not what it must be`;
  }
  return null;
}

/** The keys that are known are named, and not the one that is not: it may be anything, of any length. */
function unknownKey(value: Members, shape: Shape, prefix: string): string | null {
  const known = Object.keys(shape);
  if (Object.keys(value).every((key) => known.includes(key))) return null;
  return `it has a key that is not known; known are ${known.map((key) => prefix + key).join(', ')}`;
}
