import { canonicalJson } from '../core/canonical.ts';
import { AegrailError } from '../core/errors.ts';
import { limitProblem, type LimitsInput } from '../core/start-input.ts';
import { isPlainObject } from '../core/values.ts';
import { isTime } from '../core/time.ts';
import { HEX64 } from './forms.ts';
import type { SigningKey, VerifierKey } from './key.ts';
import { formatNote, isSignedBy, type Note, parseNote, signNote } from './note.ts';

/** First line of what is signed: a key that signs contracts signs nothing that could be taken for something else. */
const CONTEXT = 'aegrail-contract/v1';

/** What a signer lets run: one version of an agent under one contract, and, where it says so, for one user or session only. */
export interface Authorization {
  readonly v: 1;
  /** `name/version`. */
  readonly agent_identity: string;
  readonly contract_sha256: string;
  /** For whom; null: for anybody. */
  readonly user: string | null;
  /** Which session; null: any. Only one that names its session can't be used again by who reads it. */
  readonly session_id: string | null;
  /** What its budget is at most; null: the contract's own limits. */
  readonly limits: LimitsInput | null;
  /** After it no session is started; null: it does not expire. */
  readonly not_after: string | null;
}

/** A session that wants to run, or runs. */
export interface Authorized {
  readonly agentIdentity: string;
  readonly contractSha256: string;
  readonly user: string;
  readonly sessionId: string;
  /** When it was started, milliseconds since the epoch. */
  readonly startedMs: number;
}

/** Signs an authorization: a C2SP signed note, whose text is a line of context and a line of canonical JSON. */
export function signAuthorization(authorization: Authorization, key: SigningKey): string {
  const text = `${CONTEXT}\n${canonicalJson(authorization)}\n`;
  return formatNote(text, [signNote(text, key)]);
}

/**
 * Reads a signed authorization. Says nothing of its signatures.
 *
 * @throws AegrailError CONTRACT_UNTRUSTED with what is wrong
 */
export function parseAuthorization(note: string): { readonly authorization: Authorization; readonly note: Note } {
  const parsed = readNote(note);
  const [context, json, ...rest] = parsed.text.split('\n');
  if (context !== CONTEXT || rest.length !== 1) throw untrusted(`it does not begin with ${CONTEXT}`);
  const value = readJson(json ?? '');
  if (!isPlainObject(value) || canonicalJson(value) !== json) throw untrusted('its second line is not canonical JSON');
  const problem = problemOf(value);
  if (problem) throw untrusted(problem);
  return { authorization: value as unknown as Authorization, note: parsed };
}

/**
 * Why a signed authorization does not let a session run, or null.
 *
 * @param trusted the keys that may sign
 */
export function authorizationProblem(
  text: string,
  trusted: readonly VerifierKey[],
  session: Authorized,
): string | null {
  let read: ReturnType<typeof parseAuthorization>;
  try {
    read = parseAuthorization(text);
  } catch (thrown) {
    return (thrown as Error).message;
  }
  const { authorization, note } = read;
  if (!trusted.some((key) => isSignedBy(note, key))) return 'none of the trusted keys signed it';
  const { agent_identity, contract_sha256, user, session_id, not_after } = authorization;
  if (agent_identity !== session.agentIdentity) return `it is for ${agent_identity}, and not ${session.agentIdentity}`;
  if (contract_sha256 !== session.contractSha256)
    return `it is for the contract ${contract_sha256.slice(0, 12)}…, and this one is ${session.contractSha256.slice(0, 12)}…: sign it again`;
  if (user !== null && user !== session.user) return 'it is for another user';
  if (session_id !== null && session_id !== session.sessionId) return 'it is for another session';
  if (not_after !== null && session.startedMs > Date.parse(not_after)) return `it expired at ${not_after}`;
  return null;
}

/** What each member must be. */
const FORMS: { readonly [K in keyof Authorization]: (value: unknown) => boolean } = {
  v: (value) => value === 1,
  agent_identity: isText,
  contract_sha256: (value) => typeof value === 'string' && HEX64.test(value),
  user: (value) => value === null || isText(value),
  session_id: (value) => value === null || isText(value),
  limits: (value) => value === null || areLimits(value),
  not_after: (value) => value === null || isTime(value),
};

function problemOf(value: Readonly<Record<string, unknown>>): string | null {
  const names = Object.keys(FORMS) as (keyof Authorization)[];
  const unknown = Object.keys(value).some((key) => !names.includes(key as keyof Authorization));
  if (unknown) return `it has a member that is not known; known are ${names.join(', ')}`;
  const wrong = names.find((name) => !FORMS[name](value[name]));
  return wrong ? `${wrong} is missing, or not what it must be` : null;
}

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== '';
}

function areLimits(value: unknown): boolean {
  const names = ['usd', 'tokens', 'wallSeconds', 'maxToolCalls', 'maxRecursionDepth'];
  return (
    isPlainObject(value) &&
    Object.entries(value).every(
      ([name, limit]) => names.includes(name) && limitProblem(name as keyof LimitsInput, limit) === null,
    )
  );
}

function readNote(note: string): Note {
  try {
    return parseNote(note);
  } catch (thrown) {
    throw untrusted((thrown as Error).message);
  }
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function untrusted(why: string): AegrailError {
  return new AegrailError('CONTRACT_UNTRUSTED', why);
}
