import type { WorkflowExecutionStatusName } from '@temporalio/client';
import { expect, test } from 'vitest';
import { hasEnded } from '../../src/core/workflow-status.ts';

/** Every status that the client knows: the compiler asks for one that it learns. */
const IS_OVER: Record<WorkflowExecutionStatusName, boolean> = {
  UNSPECIFIED: false,
  RUNNING: false,
  PAUSED: false,
  CONTINUED_AS_NEW: false,
  COMPLETED: true,
  FAILED: true,
  CANCELLED: true,
  TERMINATED: true,
  TIMED_OUT: true,
  UNKNOWN: false,
};

test.each(Object.entries(IS_OVER))('%s: over %s', (status, isOver) => {
  expect(hasEnded(status)).toBe(isOver);
});
