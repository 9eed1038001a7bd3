import { ENTRY_VERSION, type LogEntry } from '../core/entry.ts';
import { isPlainObject } from '../core/values.ts';
import { isTime } from '../core/time.ts';
import { HEX64 } from './forms.ts';

/** Whether a member's value is right, and in words what is. */
interface Form {
  readonly isRight: (value: unknown) => boolean;
  readonly right: string;
}

/** Longest text in an entry, in characters. */
const MAX_TEXT = 2_000;

const text: Form = {
  isRight: (value) => typeof value === 'string' && value !== '' && value.length <= MAX_TEXT,
  right: `a text of 1 to ${MAX_TEXT} characters`,
};
const time: Form = { isRight: isTime, right: 'a time of the form 2026-01-31T12:00:00.000Z' };
const sha256: Form = {
  isRight: (value) => typeof value === 'string' && HEX64.test(value),
  right: '64 lower-case hex digits',
};
const count: Form = {
  isRight: (value) => Number.isSafeInteger(value) && (value as number) >= 0,
  right: 'a whole number from 0 to 9007199254740991',
};
const flag: Form = { isRight: (value) => typeof value === 'boolean', right: 'true or false' };

type Kind = LogEntry['kind'];

/** The members of each kind, but `v`, `kind` and `signatures`. */
const MEMBERS: { readonly [K in Kind]: Readonly<Record<string, Form>> } = {
  head: {
    session_id: text,
    agent_identity: text,
    user_sha256: sha256,
    started: time,
    ts: time,
    seq: count,
    hash: sha256,
    ended: flag,
  },
  key_added: { at: time, key: text },
  key_rotated: { at: time, from: text, to: text },
  key_revoked: { at: time, key: text, reason: text },
  erasure: { at: time, session_id: text, reason: text, blobs: count, bytes: count },
};

/** How many signatures each kind has. */
const SIGNATURES: Readonly<Record<Kind, number>> = {
  head: 0,
  key_added: 1,
  key_rotated: 2,
  key_revoked: 1,
  erasure: 1,
};

/** Why a value is no entry, or null when it is one: of a known kind, with just its members, each of its form. */
export function entryProblem(value: unknown): string | null {
  if (!isPlainObject(value)) return 'it is no JSON object';
  if (value['v'] !== ENTRY_VERSION) return `v is not ${ENTRY_VERSION}`;
  const kind = value['kind'];
  if (typeof kind !== 'string' || !Object.hasOwn(MEMBERS, kind))
    return `kind is none of ${Object.keys(MEMBERS).join(', ')}`;
  const members = MEMBERS[kind as Kind];
  const signatures = SIGNATURES[kind as Kind];
  for (const [name, { isRight, right }] of Object.entries(members)) {
    if (!isRight(value[name])) return `${name} is not ${right}`;
  }
  const known = new Set(['v', 'kind', ...Object.keys(members), ...(signatures > 0 ? ['signatures'] : [])]);
  if (Object.keys(value).some((name) => !known.has(name))) return `it has a member that ${kind} does not have`;
  return signatures > 0 ? signaturesProblem(value['signatures'], signatures) : null;
}

function signaturesProblem(value: unknown, wanted: number): string | null {
  if (!Array.isArray(value) || value.length !== wanted) return `signatures is not a list of ${wanted}`;
  const isRight = value.every(
    (item: unknown) =>
      isPlainObject(item) &&
      Object.keys(item).length === 2 &&
      typeof item['key'] === 'string' &&
      typeof item['signature'] === 'string',
  );
  return isRight ? null : 'signatures has an item that is not just key and signature';
}
