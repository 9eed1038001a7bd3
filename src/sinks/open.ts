import { resolve } from 'node:path';
import type { Env } from '../config/environment.ts';
import type { ContractFile } from '../config/schema.ts';
import { AegrailError } from '../core/errors.ts';
import { expandVariables } from '../core/expand.ts';
import { fileSink } from './file.ts';
import type { Sink } from './sink.ts';
import { stdoutSink } from './stdout.ts';
import { webhookSink } from './webhook.ts';

type SinkEntry = ContractFile['sinks'][number];
type WebhookEntry = NonNullable<SinkEntry['webhook']>;

const DEFAULT_SPOOL_MAX_BYTES = 268_435_456;

/**
 * Opens the sinks of a contract file. Paths are relative to it; paths and headers may name variables of the environment.
 *
 * @throws AegrailError CONFIG_INVALID, also when a variable is missing
 */
export function openSinks(sinks: ContractFile['sinks'], baseDir: string, env: Env): Sink[] {
  return sinks.map(({ file, webhook, maxBytes, daily, keep, fsync }, index) => {
    const at = `sinks.${index}`;
    const pathOf = (text: string, key: string): string => resolve(baseDir, expandVariables(text, env, `${at}.${key}`));
    if (file !== undefined) return fileSink(pathOf(file, 'file'), given({ maxBytes, daily, keep, fsync }));
    if (webhook === undefined) return stdoutSink();
    const spool = webhook.spool === undefined ? undefined : pathOf(webhook.spool, 'webhook.spool');
    return openWebhook(webhook, spool, `${at}.webhook`, env);
  });
}

function openWebhook(webhook: WebhookEntry, spool: string | undefined, at: string, env: Env): Sink {
  const { url, headers = {}, timeoutSeconds, maxRecords, maxBytes, maxAttempts } = webhook;
  const { backoffSeconds, maxBackoffSeconds, spoolMaxBytes = DEFAULT_SPOOL_MAX_BYTES } = webhook;
  return webhookSink(
    given({
      url,
      headers: Object.fromEntries(
        Object.entries(headers).map(([name, value]) => [name, expandVariables(value, env, `${at}.headers.${name}`)]),
      ),
      timeoutMs: milliseconds(timeoutSeconds),
      secret: secretOf(webhook.secretEnv, at, env),
      batch: given({ maxRecords, maxBytes }),
      retry: given({ maxAttempts, firstMs: milliseconds(backoffSeconds), maxMs: milliseconds(maxBackoffSeconds) }),
      spool: spool === undefined ? undefined : { folder: spool, maxBytes: spoolMaxBytes },
    }),
  );
}

function secretOf(name: string | undefined, at: string, env: Env): string | undefined {
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
