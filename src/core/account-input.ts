import { AegrailError } from './errors.ts';
import type { Amounts } from './ledger.ts';
import { usdToNano } from './units.ts';
import { isFilledLine, isPlainObject } from './values.ts';

/** How long a window of an account is: by the calendar of its time zone, or all time. */
export const PERIODS = ['hour', 'day', 'month', 'total'] as const;

/** A member of {@link PERIODS}. */
export type Period = (typeof PERIODS)[number];

/** What an account may spend in one window. Null: not limited. Zero is a budget. */
export interface AccountLimits {
  readonly usdNano: number | null;
  readonly tokens: number | null;
  readonly toolCalls: number | null;
}

/** What an account is to be from now on: the one argument of the update `set`. A limit that is left out is none. */
export interface AccountSetInput {
  readonly usd?: number;
  readonly tokens?: number;
  readonly toolCalls?: number;
  readonly per: Period;
  /** An IANA time zone, UTC when left out. */
  readonly timeZone?: string;
  readonly by: string;
  readonly reason?: string;
}

/**
 * What sessions ask of an account: the one argument of the update `lease`. A worker asks for all of its sessions at once,
 * for an account has ten updates in flight at most.
 */
export interface LeaseInput {
  readonly asks: readonly LeaseAsk[];
}

/** The answers to {@link LeaseInput}, in its order. */
export interface LeaseOutput {
  readonly answers: readonly LeaseAnswer[];
}

/** What one session asks of an account. */
export interface LeaseAsk {
  readonly session: string;
  /** 1, 2, 3 … of this session and account: the same again gets the same answer. */
  readonly n: number;
  /** All that the session was leased before, by its log. */
  readonly held: Amounts;
  /** What it has posted since it began. */
  readonly used: Amounts;
  /** What it asks for beside `held`. */
  readonly want: Amounts;
  /** Less than this is of no use to it. */
  readonly least: Amounts;
  /** All that it could ever use beside `held`: leased at once where the account does not limit. */
  readonly most: Amounts;
}

/** An account's answer. Nothing is granted where `granted` is null. */
export interface LeaseAnswer {
  readonly granted: Amounts | null;
  /** Why it is less than was asked for, with the account and its window; null when it is not. */
  readonly why: string | null;
}

/** What a session that has ended used in all: the one argument of the signal `settle`. */
export interface SettleInput {
  readonly session: string;
  /** Its last lease, by its log. */
  readonly n: number;
  readonly used: Amounts;
}

const SET_KEYS = ['usd', 'tokens', 'toolCalls', 'per', 'timeZone', 'by', 'reason'];
const LEASE_AMOUNTS = ['held', 'used', 'want', 'least', 'most'] as const;
const LEASE_KEYS = ['session', 'n', ...LEASE_AMOUNTS];
const SETTLE_KEYS = ['session', 'n', 'used'];
/** Most sessions that ask at once. */
export const MAX_ASKS = 200;
const DIMENSIONS = ['usdNano', 'tokens', 'toolCalls'] as const;
const MAX_LINE = { by: 256, reason: 500, timeZone: 64, session: 1_000 } as const;
const TIME_ZONE = /^[A-Za-z][A-Za-z0-9_+-]*(\/[A-Za-z0-9_+-]+)*$/;

/** Checks what an account is to be, whoever sent it. @throws AegrailError INPUT_INVALID */
export function parseAccountSet(value: unknown): AccountSetInput {
  const given = members(value, SET_KEYS);
  const { usd, tokens, toolCalls, per, timeZone, by, reason } = given;
  if (!PERIODS.includes(per as Period)) throw invalid(`per must be one of ${PERIODS.join(', ')}`);
  if (timeZone !== undefined && !(isFilledLine(timeZone, MAX_LINE.timeZone) && TIME_ZONE.test(timeZone)))
    throw invalid('timeZone must be an IANA time zone, such as Europe/Berlin');
  if (!isFilledLine(by, MAX_LINE.by))
    throw invalid(`by must say who, in one line of at most ${MAX_LINE.by} characters`);
  if (reason !== undefined && !isFilledLine(reason, MAX_LINE.reason))
    throw invalid(`reason must be one line of at most ${MAX_LINE.reason} characters, or be left out`);
  if ([usd, tokens, toolCalls].every((limit) => limit === undefined))
    throw invalid('give at least one of usd, tokens and toolCalls');
  if (usd !== undefined && !isUsd(usd)) throw invalid('usd must be a number from 0 to 9007199, in whole nano-USD');
  for (const [name, limit] of Object.entries({ tokens, toolCalls }))
    if (limit !== undefined && !isCount(limit)) throw invalid(`${name} must be a whole number from 0`);
  return given as unknown as AccountSetInput;
}

/** The limits of a checked `set`. */
export function limitsOfSet({ usd, tokens, toolCalls }: AccountSetInput): AccountLimits {
  return {
    usdNano: usd === undefined ? null : usdToNano(usd),
    tokens: tokens ?? null,
    toolCalls: toolCalls ?? null,
  };
}

/** Checks what sessions ask for, whoever sent it. @throws AegrailError INPUT_INVALID */
export function parseLeaseInput(value: unknown): LeaseInput {
  const { asks } = members(value, ['asks']);
  if (!Array.isArray(asks) || asks.length === 0 || asks.length > MAX_ASKS)
    throw invalid(`asks must be a list of 1 to ${MAX_ASKS}`);
  return { asks: asks.map((ask) => parseLeaseAsk(ask)) };
}

/** Checks what a session asks for. @throws AegrailError INPUT_INVALID */
export function parseLeaseAsk(value: unknown): LeaseAsk {
  const given = members(value, LEASE_KEYS);
  requireSession(given);
  for (const name of LEASE_AMOUNTS) requireAmounts(name, given[name]);
  return given as unknown as LeaseAsk;
}

/** Checks what a session settles, whoever sent it. @throws AegrailError INPUT_INVALID */
export function parseSettle(value: unknown): SettleInput {
  const given = members(value, SETTLE_KEYS);
  requireSession(given);
  requireAmounts('used', given['used']);
  return given as unknown as SettleInput;
}

function members(value: unknown, keys: readonly string[]): Readonly<Record<string, unknown>> {
  if (!isPlainObject(value)) throw invalid(`it must be one JSON object with ${keys.join(', ')}`);
  if (Object.keys(value).some((key) => !keys.includes(key)))
    throw invalid(`it has a member that is not known; known are ${keys.join(', ')}`);
  return value;
}

function requireSession({ session, n }: Readonly<Record<string, unknown>>): void {
  if (!isFilledLine(session, MAX_LINE.session)) throw invalid('session must be the id of a session');
  if (!isCount(n) || n === 0) throw invalid('n must be a whole number from 1');
}

function requireAmounts(name: string, value: unknown): void {
  const isRight =
    isPlainObject(value) &&
    Object.keys(value).length === DIMENSIONS.length &&
    DIMENSIONS.every((dimension) => isCount(value[dimension]));
  if (!isRight) throw invalid(`${name} must have ${DIMENSIONS.join(', ')}, each a whole number from 0`);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isUsd(value: unknown): boolean {
  try {
    return typeof value === 'number' && usdToNano(value) >= 0;
  } catch {
    return false;
  }
}

function invalid(why: string): AegrailError {
  return new AegrailError('INPUT_INVALID', `What the account was sent is invalid: ${why}.`);
}
