import { setTimeout as delay } from 'node:timers/promises';
import type pg from 'pg';
import { AegrailError } from '../core/errors.ts';
import type { PostgresDatabase } from './postgres-connection.ts';

/** How a worker waits for another one that brings the schema up. */
export interface SchemaWait {
  /** Told once, in words, when it takes more than two seconds. */
  readonly onWait: (why: string) => void;
  readonly atMostMs: number;
}

const POLL_MS = 200;
const QUIET_MS = 2_000;

/**
 * Waits, in the transaction that was begun, until it is this one's turn to change a schema. Whoever holds the lock is at work:
 * the server takes it away from a connection that broke, and from one that does nothing in its transaction. It is asked for
 * again and again, because the server would end a statement that waits after the time that it gives to any.
 *
 * @throws AegrailError AUDIT_UNAVAILABLE when it took longer
 */
export async function takeTurn(
  client: pg.ClientBase,
  { schema, name }: Pick<PostgresDatabase, 'schema' | 'name'>,
  { onWait, atMostMs }: SchemaWait,
): Promise<void> {
  const beganMs = performance.now();
  for (let isTold = false; !(await isMine(client, schema)); await delay(POLL_MS)) {
    const waitedMs = performance.now() - beganMs;
    if (waitedMs >= atMostMs) {
      const why = `another process has been bringing it to another release's schema for ${Math.round(atMostMs / 1_000)} s, and goes on: start again when it is done`;
      throw new AegrailError('AUDIT_UNAVAILABLE', `the store ${name} can not be opened: ${why}`);
    }
    if (isTold || waitedMs < QUIET_MS) continue;
    isTold = true;
    onWait(
      `waiting for another process that brings the store ${name} to another release's schema, for ${Math.round(atMostMs / 1_000)} s at most`,
    );
  }
}

async function isMine(client: pg.ClientBase, schema: string): Promise<boolean> {
  const { rows } = await client.query<{ mine: boolean }>(
    'SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0)) AS mine',
    [`aegrail schema ${schema}`],
  );
  return rows[0]?.mine === true;
}
