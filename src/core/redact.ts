import type { Redaction } from './contract.ts';
import { isPlainObject, utf8Bytes } from './values.ts';
import type { RedactedArgs } from './record-parts.ts';

/** Longest name that a record takes over from a model. */
const MAX_NAME = 128;
/** Most argument keys that a record lists. */
const MAX_KEYS = 64;
/** Longest value, in bytes of JSON, that a record shows: records ride in workflow history. */
const MAX_SHOWN_BYTES = 1024;

/** A name that a model made up, short enough for a record and without what a terminal would obey. */
export function safeName(name: string): string {
  const clean = name.replace(/[\p{Cc}\p{Cf}\p{Cs}]/gu, '?');
  // A cut must not leave half of an emoji: what it leaves has no canonical form.
  return clean.length <= MAX_NAME ? clean : `${clean.slice(0, MAX_NAME - 1).toWellFormed()}…`;
}

/** What a record may show of arguments: keys and sizes in bytes of JSON, and the values that the contract lists. */
export function redactArgs(args: unknown, redaction: Redaction | null): RedactedArgs {
  const text = JSON.stringify(args) ?? '';
  if (!isPlainObject(args)) return { keys: [], bytes: utf8Bytes(text) };
  const names = Object.keys(args);
  const keys = names.slice(0, MAX_KEYS).map((key) => ({
    key: safeName(key),
    bytes: utf8Bytes(JSON.stringify(args[key]) ?? ''),
  }));
  const show = redaction?.showArgs.filter((key) => Object.hasOwn(args, key)) ?? [];
  const bytes = utf8Bytes(text);
  if (show.length === 0) return { keys, bytes };
  return { keys, bytes, shown: Object.fromEntries(show.map((key) => [key, showable(args[key])])) };
}

function showable(value: unknown): unknown {
  const bytes = utf8Bytes(JSON.stringify(value) ?? '');
  return bytes <= MAX_SHOWN_BYTES ? value : `[${bytes} bytes, too long to show]`;
}
