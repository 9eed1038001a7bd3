import { AegrailError } from '../core/errors.ts';
import { type PostgresDatabase, reasonOf } from './postgres-connection.ts';
import type { Row } from './session-rows.ts';

/** What a statement gave. */
export interface Result {
  readonly rows: readonly Row[];
  readonly rowCount: number | null;
}

/** Runs one statement, which is a transaction of its own, and throws what the database throws. */
export type Ask = (statement: string, values: readonly unknown[]) => Promise<Result>;

/** Runs work on a store. When it fails, AUDIT_UNAVAILABLE says which store it is. */
export type Run = <T>(work: () => Promise<T>) => Promise<T>;

/** How statements are run on a database. */
export function asking({ pool, name }: PostgresDatabase): { readonly ask: Ask; readonly run: Run } {
  return {
    ask: (statement, values) => pool.query<Record<string, unknown>>(statement, [...values]),
    async run(work) {
      try {
        return await work();
      } catch (error) {
        if (error instanceof AegrailError) throw error;
        throw new AegrailError('AUDIT_UNAVAILABLE', `the store ${name} failed: ${reasonOf(error)}`, { cause: error });
      }
    },
  };
}
