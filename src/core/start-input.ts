import { accountNameProblem, accountOfWorkflow } from './account-name.ts';
import { AegrailError } from './errors.ts';
import { checkJson } from './json.ts';
import { usdToNano } from './units.ts';
import { isPlainObject, utf8Bytes } from './values.ts';

/** Limits as users write them: in a contract file and at a session's start. */
export interface LimitsInput {
  readonly usd?: number;
  readonly tokens?: number;
  readonly wallSeconds?: number;
  readonly maxToolCalls?: number;
  readonly maxRecursionDepth?: number;
}

/** What a session is started with: the one argument of the workflow, plain JSON from a client in any language. */
export interface StartInput {
  /** Name of an agent in the worker's contract file. */
  readonly agent: string;
  /** When given, the agent must have this version. */
  readonly version?: string;
  /** Whom the agent works for. */
  readonly user: string;
  /** The first message. */
  readonly input: string;
  /** They can only lower those of the contract. */
  readonly limits?: LimitsInput;
  /** A killed session fails in Temporal, instead of completing with the outcome `killed`. */
  readonly failOnKill?: boolean;
  /** It goes on after an answer, and waits for what is said next (`aegrail send`), until it is ended. */
  readonly conversation?: boolean;
  /** One more account that it is on, beside those of the contract. */
  readonly account?: string;
  /** The signed text that lets it run, where the worker asks for one (`trustedContractKeys`, `aegrail contract sign`). */
  readonly authorization?: string;
  /** The call of another session that starts this one. Only a session has one that holds. */
  readonly delegation?: Delegation;
}

/** The call of another session that starts a session: its record, and what the record's digest is made with. */
export interface Delegation {
  readonly session: string;
  readonly seq: number;
  readonly salt: string;
}

/** Longest user and agent name, in UTF-16 code units. */
const MAX_NAME = 256;
/** Longest first message, in UTF-16 code units. */
const MAX_INPUT = 1_000_000;
/**
 * Most bytes of the first message as JSON. A payload of Temporal's may have 2 MB, and the message travels once more inside
 * a larger one: an input that just fitted would fail the workflow task for ever.
 */
const MAX_INPUT_BYTES = 1_500_000;
/** Longest authorization, in UTF-16 code units. */
const MAX_AUTHORIZATION = 16_384;
/** Longest piece of what was sent that an error message shows. */
const MAX_SHOWN = 64;

/** Ten years: far more than any session, and far less than where a date is no date any more. */
const MAX_WALL_SECONDS = 315_360_000;

const LIMITS = {
  usd: 'a number of USD from 0',
  tokens: 'a whole number from 0',
  wallSeconds: 'a number of seconds above 0 and at most ten years, to the millisecond',
  maxToolCalls: 'a whole number from 0',
  maxRecursionDepth: 'a whole number from 0',
} as const satisfies Record<keyof LimitsInput, string>;

const KEYS = [
  'agent',
  'version',
  'user',
  'input',
  'limits',
  'failOnKill',
  'conversation',
  'account',
  'authorization',
  'delegation',
];
const FIRST_KEYS = KEYS.slice(0, 4).join(', ');

/**
 * Checks the arguments of a session's workflow: there must be one.
 *
 * @throws AegrailError INPUT_INVALID as {@link parseStartInput}
 */
export function parseStartArguments(args: readonly unknown[]): StartInput {
  if (args.length > 1) throw invalid(`it has ${args.length} arguments, and must have one JSON object`);
  if (args[0] === undefined) throw invalid(`it has no argument, and must have one JSON object with ${FIRST_KEYS}`);
  return parseStartInput(args[0]);
}

/**
 * Checks a session's input, whoever sent it. By hand and not with zod, which costs 1.3 MB in every cached workflow.
 *
 * @throws AegrailError INPUT_INVALID with the field, what it is, and what would be right
 */
export function parseStartInput(value: unknown): StartInput {
  const start = parseNextInput(value);
  if (start.input.trim() === '') throw invalid('input is empty, and must say what to do');
  return start;
}

/**
 * Checks the input of a run that goes on with a session: as {@link parseStartInput}, but what it was started with is not
 * handed on any more.
 *
 * @throws AegrailError INPUT_INVALID
 */
export function parseNextInput(value: unknown): StartInput {
  const problem = checkJson(value);
  if (problem) throw invalid(`the input is not plain JSON: ${problem}`);
  if (!isPlainObject(value)) throw invalid(`the input must be one JSON object with ${FIRST_KEYS}`);
  refuseUnknown(value, KEYS, '');
  const { agent, user, input, version, limits, failOnKill, conversation, account, authorization, delegation } = value;
  return {
    agent: name(agent, 'agent'),
    user: name(user, 'user'),
    input: parseText(input),
    ...(version === undefined ? {} : { version: name(version, 'version') }),
    ...(limits === undefined ? {} : { limits: parseLimits(limits) }),
    ...(failOnKill === undefined ? {} : { failOnKill: flag(failOnKill, 'failOnKill') }),
    ...(conversation === undefined ? {} : { conversation: flag(conversation, 'conversation') }),
    ...(account === undefined ? {} : { account: startAccount(account) }),
    ...(authorization === undefined ? {} : { authorization: text(authorization, 'authorization', MAX_AUTHORIZATION) }),
    ...(delegation === undefined ? {} : { delegation: parseDelegation(delegation) }),
  };
}

function parseDelegation(value: unknown): Delegation {
  if (!isPlainObject(value)) throw invalid('delegation must be an object with session, seq, salt');
  refuseUnknown(value, ['session', 'seq', 'salt'], 'delegation.');
  const { session, seq, salt } = value;
  if (typeof seq !== 'number' || !Number.isSafeInteger(seq) || seq < 0)
    throw invalid('delegation.seq must be a whole number from 0');
  return {
    session: parseSessionId(text(session, 'delegation.session', MAX_SESSION_ID_BYTES)),
    seq,
    salt: text(salt, 'delegation.salt', 64),
  };
}

function startAccount(value: unknown): string {
  const problem = accountNameProblem(value);
  if (problem) throw invalid(`account: ${problem}`);
  return value as string;
}

/** Longest session id, in bytes: Temporal's limit of a workflow id. */
export const MAX_SESSION_ID_BYTES = 1_000;

/** Checks a session's id, which is its workflow's. @throws AegrailError INPUT_INVALID */
export function parseSessionId(id: string): string {
  const bytes = utf8Bytes(id);
  if (id.trim() === '') throw invalid('the session id is empty');
  if (bytes > MAX_SESSION_ID_BYTES)
    throw invalid(`the session id has ${bytes} bytes, and may have ${MAX_SESSION_ID_BYTES}`);
  if (/[\p{Cc}]/u.test(id) || !id.isWellFormed()) throw invalid('the session id holds control characters');
  return id;
}

/** Checks that a session does not begin under the id of an account, whose workflow could not be made then. @throws AegrailError INPUT_INVALID */
export function refuseAccountId(sessionId: string): void {
  if (accountOfWorkflow(sessionId) === null) return;
  throw invalid('the session id begins with account:, which only workflows of accounts do');
}

/** Checks that a session does not take the id that another gives to one below it. @throws AegrailError INPUT_INVALID */
export function refuseSubAgentId(sessionId: string): void {
  if (!/\.\d+$/.test(sessionId)) return;
  throw invalid('the session id ends in a dot and a number, as only those of sub-agents do');
}

function parseLimits(value: unknown): LimitsInput {
  if (!isPlainObject(value)) throw invalid(`limits must be an object with any of ${Object.keys(LIMITS).join(', ')}`);
  refuseUnknown(value, Object.keys(LIMITS), 'limits.');
  for (const [key, amount] of Object.entries(value)) {
    const why = limitProblem(key as keyof LimitsInput, amount);
    if (why) throw invalid(`limits.${key}: ${why}`);
  }
  return value;
}

/** Why a value is no limit of that name, or null. The contract file and the start of a session share the rule. */
export function limitProblem(key: keyof LimitsInput, value: unknown): string | null {
  const right = `${LIMITS[key]}, but got ${shown(JSON.stringify(value) ?? String(value))}`;
  if (typeof value !== 'number' || !Number.isFinite(value) || value < 0) return right;
  if (key === 'usd') {
    try {
      usdToNano(value);
      return null;
    } catch (thrown) {
      return (thrown as RangeError).message;
    }
  }
  if (key === 'wallSeconds') {
    const ms = value * 1000;
    return value > 0 &&
      value <= MAX_WALL_SECONDS &&
      Number.isSafeInteger(Math.round(ms)) &&
      Math.abs(ms - Math.round(ms)) < 1e-6
      ? null
      : right;
  }
  return Number.isSafeInteger(value) ? null : right;
}

function name(value: unknown, field: string): string {
  const found = text(value, field, MAX_NAME);
  if (found.trim() === '') throw invalid(`${field} is empty`);
  if (/[\p{Cc}]/u.test(found)) throw invalid(`${field} holds control characters`);
  return found;
}

/** Checks what is said to an agent. @throws AegrailError INPUT_INVALID */
function parseText(value: unknown): string {
  const found = text(value, 'input', MAX_INPUT);
  const bytes = utf8Bytes(JSON.stringify(found));
  if (bytes > MAX_INPUT_BYTES) throw invalid(`input has ${bytes} bytes as JSON, and may have ${MAX_INPUT_BYTES}`);
  return found;
}

function text(value: unknown, field: string, max: number): string {
  if (typeof value !== 'string') throw invalid(`${field} must be text, but is ${kindOf(value)}`);
  if (value.length > max) throw invalid(`${field} has ${value.length} characters, and may have ${max}`);
  return value;
}

function flag(value: unknown, field: string): boolean {
  if (typeof value !== 'boolean') throw invalid(`${field} must be true or false, but is ${kindOf(value)}`);
  return value;
}

function refuseUnknown(value: object, known: readonly string[], prefix: string): void {
  const unknown = Object.keys(value).find((key) => !known.includes(key));
  if (unknown !== undefined) {
    throw invalid(`${prefix}${shown(unknown)} is not known here; known are ${known.join(', ')}`);
  }
}

/** A piece of what was sent, for one line of a terminal: short, and without what a terminal would obey. */
function shown(text: string): string {
  const short = text.length <= MAX_SHOWN ? text : `${text.slice(0, MAX_SHOWN).toWellFormed()}…`;
  return short.replace(/[\p{Cc}\p{Cf}]/gu, '?');
}

function kindOf(value: unknown): string {
  if (value === undefined) return 'missing';
  if (value === null) return 'null';
  return Array.isArray(value) ? 'a list' : `a ${typeof value}`;
}

function invalid(why: string): AegrailError {
  return new AegrailError('INPUT_INVALID', `The session's input is invalid: ${why}.`);
}
