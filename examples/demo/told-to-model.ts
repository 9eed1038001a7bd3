import type { Client } from '@temporalio/client';
import type { Envelope, ModelCall } from '../../src/calls.ts';

type History = Awaited<ReturnType<ReturnType<Client['workflow']['getHandle']>['fetchHistory']>>;

/** The refusals that were sent to the model, read from what Temporal has recorded of its calls. */
export function toldToModel({ events }: History): { readonly tool: string; readonly text: string }[] {
  return (events ?? []).flatMap((event) => {
    const scheduled = event.activityTaskScheduledEventAttributes;
    if (scheduled?.activityType?.name !== 'callModel') return [];
    const data = scheduled.input?.payloads?.[0]?.data;
    if (!data) return [];
    const { call } = JSON.parse(Buffer.from(data).toString('utf8')) as Envelope<ModelCall>;
    return call.append.filter((item) => item.kind === 'tool_refused');
  });
}
