import type { Contract, Grant } from './contract.ts';
import { AegrailError, type ErrorCode } from './errors.ts';
import { isHex64 } from './hex64.ts';
import type { LimitsInput } from './start-input.ts';
import { isFilledLine, isLine, isPlainObject, isText } from './values.ts';

/** Which contract a running session is to go on under: the one argument of the update and of the signal `migrate`. */
export interface MigrationInput {
  /** The same id twice is one migration. */
  readonly id?: string;
  /** SHA-256, hex, of the contract's canonical form. The contract itself is in the store. */
  readonly sha256: string;
  readonly by: string;
  readonly reason?: string;
  /** The signed text that lets it run, where the worker asks for one (`trustedContractKeys`, `aegrail contract sign`). */
  readonly authorization?: string;
}

/** Asks a worker for the contract that a session is to go on under. Runs nothing of the agent's. */
export interface AdoptCall {
  /** The contract that it is under now. */
  readonly contractSha256: string;
  readonly sha256: string;
  /** Whom the agent works for. */
  readonly user: string;
  /** What the session's start asked for: it stays lowered. */
  readonly limits: LimitsInput;
  readonly authorization: string | null;
  /** SHA-256 of the conversation so far, null at its start. */
  readonly transcript: string | null;
  /** It was decided before, and stands in the session's log: nothing of it is judged again. */
  readonly isDecided: boolean;
}

/** A contract that a session may go on under. */
export interface Adopted {
  readonly contract: Contract;
  readonly contractSha256: string;
  readonly grant: Grant;
  /** Bytes of instructions and tool declarations: a bound of their tokens. */
  readonly promptBytes: number;
  /** Bound of the tokens of the conversation so far, where another model counts them now. Null: the same model does. */
  readonly transcriptTokens: number | null;
  /** The signed text that the worker accepted; null when it asks for none. */
  readonly authorization: string | null;
}

/** Why a session may not go on under a contract. */
export interface NotAdopted {
  readonly refused: ErrorCode | 'CONTRACT_UNKNOWN' | 'OTHER_AGENT';
  readonly why: string;
}

/** What came of a migration. */
export interface MigrationResult {
  readonly outcome: 'migrated';
  /** False: it was under that contract before. */
  readonly changed: boolean;
  readonly contractSha256: string;
  readonly limits: LimitsInput;
}

const KEYS = ['id', 'sha256', 'by', 'reason', 'authorization'];
const MAX_ID = 100;
const MAX_BY = 256;
const MAX_REASON = 500;
/** As that of a start, in UTF-16 code units. */
const MAX_AUTHORIZATION = 16_384;

/** Checks a migration, whoever sent it. @throws AegrailError INPUT_INVALID with the field and what would be right */
export function parseMigration(value: unknown): MigrationInput {
  if (!isPlainObject(value)) throw invalid(`it must be one JSON object with ${KEYS.join(', ')}`);
  if (Object.keys(value).some((key) => !KEYS.includes(key)))
    throw invalid(`it has a member that is not known; known are ${KEYS.join(', ')}`);
  const { id, sha256, by, reason, authorization } = value;
  if (id !== undefined && (!isLine(id, MAX_ID) || id === ''))
    throw invalid(`id must be text of 1 to ${MAX_ID} characters`);
  if (!isHex64(sha256)) throw invalid('sha256 must name a contract, by the 64 hex digits of its SHA-256');
  if (!isFilledLine(by, MAX_BY)) throw invalid(`by must say who, in at most ${MAX_BY} characters`);
  if (reason !== undefined && !isLine(reason, MAX_REASON))
    throw invalid(`reason must be text of at most ${MAX_REASON} characters`);
  if (authorization !== undefined && !isText(authorization, MAX_AUTHORIZATION))
    throw invalid(`authorization must be text of at most ${MAX_AUTHORIZATION} characters`);
  return value as unknown as MigrationInput;
}

function invalid(why: string): AegrailError {
  return new AegrailError('INPUT_INVALID', `The migration is invalid: ${why}.`);
}
