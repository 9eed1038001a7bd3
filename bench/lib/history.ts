import type { Client } from '@temporalio/client';

/** What a benchmark reads of one event: times are the server's own. */
export interface BenchEvent {
  readonly id: number;
  /** Milliseconds since the epoch, with the server's fractions. */
  readonly atMs: number;
  /** Type of the activity, in the event that schedules one. */
  readonly scheduled: string | null;
  /** Bytes of the history up to here as the server counts them, in the event that starts a workflow task. */
  readonly historyBytes: number | null;
  /** Name of the event's attributes: activityTaskStarted and the like. */
  readonly kind: string;
}

/** The history of a workflow. */
export async function readHistory(client: Client, workflowId: string): Promise<BenchEvent[]> {
  const { events } = await client.workflow.getHandle(workflowId).fetchHistory();
  return (events ?? []).map((event) => {
    const { seconds, nanos } = event.eventTime ?? {};
    const size = event.workflowTaskStartedEventAttributes?.historySizeBytes;
    return {
      id: Number(event.eventId),
      atMs: Number(seconds) * 1000 + (nanos ?? 0) / 1e6,
      scheduled: event.activityTaskScheduledEventAttributes?.activityType?.name ?? null,
      historyBytes: size ? Number(size) : null,
      kind:
        Object.entries(event)
          .find(([key, value]) => key.endsWith('EventAttributes') && value)?.[0]
          .replace('EventAttributes', '') ?? '',
    };
  });
}

/** How often each activity was scheduled. */
export function activityCounts(events: readonly BenchEvent[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { scheduled } of events) if (scheduled) counts[scheduled] = (counts[scheduled] ?? 0) + 1;
  return counts;
}
