import { createHash } from 'node:crypto';
import { AegrailError } from '../core/errors.ts';
import { toBase64 } from './base64.ts';
import { isTime } from '../core/time.ts';
import { HEX64 } from './forms.ts';
import { ORIGIN } from './key.ts';
import { parseDecimal, parseTreeHead } from './tree-head.ts';

/** `previous` of the first checkpoint. */
export const NO_PREVIOUS = '0'.repeat(64);

/** Longest cadence, in seconds. */
const MAX_CADENCE_SECONDS = 86_400;

/** A checkpoint of the log of logs: a C2SP tlog-checkpoint with our four extension lines. */
export interface Checkpoint {
  readonly origin: string;
  /** How many entries. */
  readonly size: number;
  /** Root of the tree of these entries, 64 hex digits. */
  readonly root: string;
  /** 0, 1, 2 … */
  readonly number: number;
  readonly time: string;
  /** The next one is to come so many seconds after this one. */
  readonly cadenceSeconds: number;
  /** {@link checkpointHash} of the one before; 64 zeros for number 0. */
  readonly previous: string;
}

/** Writes the text that is signed, with its final LF. */
export function formatCheckpoint(checkpoint: Checkpoint): string {
  const { origin, size, root, number, time, cadenceSeconds, previous } = checkpoint;
  const rootBase64 = toBase64(Buffer.from(root, 'hex'));
  return `${origin}\n${size}\n${rootBase64}\nnumber ${number}\ntime ${time}\ncadence ${cadenceSeconds}\nprevious ${previous}\n`;
}

/**
 * Reads the text of a checkpoint: just the lines that {@link formatCheckpoint} writes.
 *
 * @throws AegrailError LOG_INVALID with a reason
 */
export function parseCheckpoint(text: string): Checkpoint {
  const { origin, size, root, extensions } = parseTreeHead(text);
  if (!ORIGIN.test(origin)) throw invalid('its origin is not 1 to 200 of A-Z a-z 0-9 . _ / -');
  if (extensions.length !== 4)
    throw invalid('it needs just four lines after the root: number, time, cadence, previous');
  const [number, time, cadence, previous] = ['number', 'time', 'cadence', 'previous'].map((name, index) =>
    valueOf(extensions[index] ?? '', name, index + 4),
  ) as [string, string, string, string];
  if (!isTime(time)) throw invalid('its time is not of the form 2026-01-31T12:00:00.000Z');
  if (!HEX64.test(previous)) throw invalid('its previous is not 64 hex digits');
  const checkpoint: Checkpoint = {
    origin,
    size,
    root: Buffer.from(root).toString('hex'),
    number: parseDecimal(number, 'its number'),
    time,
    cadenceSeconds: parseDecimal(cadence, 'its cadence'),
    previous,
  };
  if (checkpoint.cadenceSeconds < 1 || checkpoint.cadenceSeconds > MAX_CADENCE_SECONDS)
    throw invalid(`its cadence is not 1 to ${MAX_CADENCE_SECONDS} seconds`);
  if ((checkpoint.number === 0) !== (previous === NO_PREVIOUS))
    throw invalid('its previous must be 64 zeros when its number is 0, and only then');
  return checkpoint;
}

/** What the next checkpoint calls `previous`: SHA-256, hex, of a checkpoint's text with its final LF. */
export function checkpointHash(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex');
}

function valueOf(line: string, name: string, at: number): string {
  if (!line.startsWith(`${name} `)) throw invalid(`its line ${at} does not begin with "${name} "`);
  return line.slice(name.length + 1);
}

function invalid(why: string): AegrailError {
  return new AegrailError('LOG_INVALID', `this is no checkpoint: ${why}`);
}
