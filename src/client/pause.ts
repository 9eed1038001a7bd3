import type { WorkflowHandle } from '@temporalio/client';
import { type OperatorInput, parseOperator } from '../core/operator-input.ts';
import { PAUSE, type PauseResult, RESUME } from '../protocol.ts';
import { over, updated } from './updated.ts';

/** Pauses a session, or lets it go on. @throws AegrailError INPUT_INVALID, SESSION_ENDED */
export async function changePause(
  handle: WorkflowHandle,
  change: 'pause' | 'resume',
  given: OperatorInput,
): Promise<PauseResult> {
  const name = change === 'pause' ? PAUSE : RESUME;
  const updateId = globalThis.crypto.randomUUID();
  return updated<PauseResult>(handle, name, parseOperator(given, change), updateId, 'SESSION_ENDED');
}

/** The same without an answer: when a worker is up. @throws AegrailError INPUT_INVALID, SESSION_ENDED */
export async function postPause(
  handle: WorkflowHandle,
  change: 'pause' | 'resume',
  given: OperatorInput,
): Promise<void> {
  const input = parseOperator(given, change);
  try {
    await handle.signal<[OperatorInput]>(change === 'pause' ? PAUSE : RESUME, input);
  } catch (thrown) {
    await over(handle, thrown, 'SESSION_ENDED');
  }
}
