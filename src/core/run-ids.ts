/** What a history says of its run. */
export interface RunIds {
  /** The run itself; empty when the history does not say. */
  readonly own: string;
  /** The runs that it was reset from, the first one first. */
  readonly bases: readonly string[];
  /** The run that continued as this one; empty when it is the session's first. */
  readonly before: string;
}

interface Event {
  readonly workflowExecutionStartedEventAttributes?: {
    readonly originalExecutionRunId?: string | null;
    readonly continuedExecutionRunId?: string | null;
  } | null;
  readonly workflowTaskFailedEventAttributes?: {
    readonly baseRunId?: string | null;
    readonly newRunId?: string | null;
  } | null;
}

/**
 * Reads which run a history is of. Temporal copies a run's events up to the point of a reset into the new run, and says in
 * one event from which run into which.
 *
 * @param history as the Temporal client gives it, or as JSON
 */
export function runIdsOf(history: unknown): RunIds {
  const { events } = (history ?? {}) as { readonly events?: readonly (Event | null)[] | null };
  const bases: string[] = [];
  let own = '';
  let before = '';
  for (const event of events ?? []) {
    const started = event?.workflowExecutionStartedEventAttributes;
    own ||= started?.originalExecutionRunId ?? '';
    before ||= started?.continuedExecutionRunId ?? '';
    const { baseRunId, newRunId } = event?.workflowTaskFailedEventAttributes ?? {};
    if (!baseRunId || !newRunId) continue;
    bases.push(baseRunId);
    own = newRunId;
  }
  return { own, bases, before };
}
