import { resolve } from 'node:path';
import type { Env } from '../config/environment.ts';
import type { ContractFile } from '../config/schema.ts';
import { AegrailError } from '../core/errors.ts';
import { expandVariables } from '../core/expand.ts';
import { fileSink } from './file.ts';
import type { HttpOptions } from './http-sink.ts';
import { otlpSink } from './otlp.ts';
import type { Sink } from './sink.ts';
import { stdoutSink } from './stdout.ts';
import { webhookSink } from './webhook.ts';

type SinkEntry = ContractFile['sinks'][number];
type HttpEntry = Omit<NonNullable<SinkEntry['webhook']>, 'secretEnv'>;

/** Where an entry stands, and what its paths and variables are looked up in. */
interface Place {
  readonly at: string;
  readonly baseDir: string;
  readonly env: Env;
}

const DEFAULT_SPOOL_MAX_BYTES = 268_435_456;

/**
 * Opens the sinks of a contract file. Paths are relative to it; paths, headers and resources may name variables of the
 * environment.
 *
 * @throws AegrailError CONFIG_INVALID, also when a variable is missing
 */
export function openSinks(sinks: ContractFile['sinks'], baseDir: string, env: Env): Sink[] {
  return sinks.map((sink, index) => openSink(sink, { at: `sinks.${index}`, baseDir, env }));
}

function openSink({ file, webhook, otlp, maxBytes, daily, keep, fsync }: SinkEntry, place: Place): Sink {
  if (file !== undefined) return fileSink(pathOf(file, 'file', place), given({ maxBytes, daily, keep, fsync }));
  if (webhook !== undefined) {
    const at = within('webhook', place);
    return webhookSink(given({ ...httpOptions(webhook, at), secret: secretOf(webhook.secretEnv, at) }));
  }
  if (otlp !== undefined) {
    const at = within('otlp', place);
    const { logs, traces, resource = {} } = otlp;
    return otlpSink(given({ ...httpOptions(otlp, at), logs, traces, resource: expanded(resource, 'resource', at) }));
  }
  return stdoutSink();
}

function httpOptions(entry: HttpEntry, place: Place): HttpOptions {
  const { url, headers = {}, timeoutSeconds, maxRecords, maxBytes, maxAttempts } = entry;
  const { backoffSeconds, maxBackoffSeconds, spool, spoolMaxBytes = DEFAULT_SPOOL_MAX_BYTES } = entry;
  return given({
    url,
    headers: expanded(headers, 'headers', place),
    timeoutMs: milliseconds(timeoutSeconds),
    batch: given({ maxRecords, maxBytes }),
    retry: given({ maxAttempts, firstMs: milliseconds(backoffSeconds), maxMs: milliseconds(maxBackoffSeconds) }),
    spool: spool === undefined ? undefined : { folder: pathOf(spool, 'spool', place), maxBytes: spoolMaxBytes },
  });
}

function within(kind: string, place: Place): Place {
  return { ...place, at: `${place.at}.${kind}` };
}

function pathOf(text: string, key: string, { at, baseDir, env }: Place): string {
  return resolve(baseDir, expandVariables(text, env, `${at}.${key}`));
}

function expanded(
  values: Readonly<Record<string, string>>,
  key: string,
  { at, env }: Place,
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, expandVariables(value, env, `${at}.${key}.${name}`)]),
  );
}

function secretOf(name: string | undefined, { at, env }: Place): string | undefined {
  if (name === undefined) return undefined;
  const secret = env[name];
  if (secret) return secret;
  const why = `${at}.secretEnv: the environment has no variable ${name}; set it for the worker to the key that the receiver has`;
  throw new AegrailError('CONFIG_INVALID', why);
}

function milliseconds(seconds: number | undefined): number | undefined {
  return seconds === undefined ? undefined : Math.round(seconds * 1000);
}

/** Without what was left out, so that a default stands there. */
function given<T extends object>(options: T): T {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T;
}
