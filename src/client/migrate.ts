import type { WorkflowHandle } from '@temporalio/client';
import { type MigrationResult, type MigrationInput, parseMigration } from '../core/migration.ts';
import { MIGRATE } from '../protocol.ts';
import { over, updated } from './updated.ts';

/** Moves a session to another contract, and waits until it is. @throws AegrailError MIGRATION_REFUSED, INPUT_INVALID */
export async function migrateTo(handle: WorkflowHandle, given: MigrationInput): Promise<MigrationResult> {
  const updateId = globalThis.crypto.randomUUID();
  return updated<MigrationResult>(handle, MIGRATE, withId(given), updateId, 'MIGRATION_REFUSED');
}

/** The same without an answer: when a worker is up. @throws AegrailError MIGRATION_REFUSED, INPUT_INVALID */
export async function postMigration(handle: WorkflowHandle, given: MigrationInput): Promise<null> {
  const migration = withId(given);
  try {
    await handle.signal<[MigrationInput]>(MIGRATE, migration);
    return null;
  } catch (thrown) {
    return over(handle, thrown, 'MIGRATION_REFUSED');
  }
}

function withId(given: MigrationInput): MigrationInput {
  const { id = globalThis.crypto.randomUUID(), ...rest } = parseMigration(given);
  return { id, ...rest };
}
