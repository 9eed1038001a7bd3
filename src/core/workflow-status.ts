/** Statuses of a workflow that is over, as Temporal's client names them. */
const ENDED: ReadonlySet<string> = new Set(['COMPLETED', 'FAILED', 'CANCELLED', 'TERMINATED', 'TIMED_OUT']);

/** Whether a workflow is over. Whatever other status there is, or will be, counts as running: nobody is taken for dead. */
export function hasEnded(status: string): boolean {
  return ENDED.has(status);
}
