import { resolve } from 'node:path';
import type { Env } from '../config/environment.ts';
import type { ContractFile } from '../config/schema.ts';
import { expandVariables } from '../core/expand.ts';
import { fileSink } from './file.ts';
import type { Sink } from './sink.ts';
import { stdoutSink } from './stdout.ts';
import { webhookSink } from './webhook.ts';

/** Opens the sinks of a contract file. Paths are relative to it; headers may name variables of the environment. */
export function openSinks(sinks: ContractFile['sinks'], baseDir: string, env: Env): Sink[] {
  return sinks.map((sink) => {
    if ('file' in sink) return fileSink(resolve(baseDir, sink.file));
    if ('stdout' in sink) return stdoutSink();
    const { url, headers = {}, timeoutSeconds } = sink.webhook;
    const expanded = Object.entries(headers).map(([name, value]) => [name, expandVariables(value, env, `the webhook ${url}`)]);
    return webhookSink({
      url,
      headers: Object.fromEntries(expanded) as Record<string, string>,
      ...(timeoutSeconds === undefined ? {} : { timeoutMs: timeoutSeconds * 1000 }),
    });
  });
}
