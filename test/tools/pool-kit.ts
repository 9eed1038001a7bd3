import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { type Logger, pino } from 'pino';
import { onTestFinished } from 'vitest';
import {
  createMcpPool,
  type McpCall,
  type McpPool,
  type McpPoolOptions,
  type McpServerConfig,
} from '../../src/tools/mcp.ts';

/** The repository's root: what a contract file's directory is to a pool. */
export const ROOT = join(import.meta.dirname, '../..');
/** The fixture server as a configuration would name it. */
export const FIXTURE = 'test/fixtures/mcp/stdio.ts';

/** A pool, and what it logged. */
export interface TestPool extends McpPool {
  readonly logged: readonly string[];
  /** Resolves when a logged line holds the text. */
  readonly untilLogged: (text: string) => Promise<void>;
  /** A call with what most tests do not care for filled in. */
  readonly run: (tool: string, args?: unknown, rest?: Partial<McpCall>) => ReturnType<McpPool['call']>;
}

/** The fixture server on stdio, started with arguments. */
export function fixture(...flags: string[]): McpServerConfig {
  return { command: process.execPath, args: [FIXTURE, ...flags] };
}

/** A pool that is closed when the test ends. */
export function testPool(
  servers: Readonly<Record<string, McpServerConfig>>,
  rest: Partial<McpPoolOptions> = {},
): TestPool {
  const lines = capture();
  const options = {
    logger: lines.logger,
    env: process.env,
    baseDir: ROOT,
    clientInfo: { name: 'test', version: '0' },
    ...rest,
  };
  const pool = createMcpPool(servers, options);
  onTestFinished(() => pool.close());
  const base = {
    server: Object.keys(servers)[0] ?? '',
    signal: new AbortController().signal,
    timeoutMs: 10_000,
    maxBytes: 100_000,
  };
  return {
    ...pool,
    logged: lines.logged,
    untilLogged: lines.until,
    run: (tool, args = {}, more = {}) => pool.call({ ...base, tool, args, ...more }),
  };
}

/** Whether a process is there (Linux and macOS). */
export function isAlive(pid: number): boolean {
  if (existsSync('/proc/self')) return existsSync(`/proc/${pid}`);
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

/** A logger, and what it logged. */
export function capture(): { logger: Logger; logged: string[]; until: (text: string) => Promise<void> } {
  const logged: string[] = [];
  const waiting = new Set<() => void>();
  const sink = new Writable({
    write(chunk, _encoding, done) {
      logged.push(String(chunk));
      waiting.forEach((look) => look());
      done();
    },
  });
  const until = (text: string): Promise<void> =>
    new Promise((resolve) => {
      const look = (): void => {
        if (!logged.some((line) => line.includes(text))) return;
        waiting.delete(look);
        resolve();
      };
      waiting.add(look);
      look();
    });
  return { logger: pino({ level: 'debug' }, sink), logged, until };
}
