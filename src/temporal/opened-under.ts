import type { Client } from '@temporalio/client';
import type { Payload } from '@temporalio/common';
import type { Opened } from '../calls.ts';
import { fetchHistories } from './histories.ts';

type History = Awaited<ReturnType<typeof fetchHistories>>[number];

/** The activity that finds a session's contract, before any call. */
const OPEN_SESSION = 'openSession';

/**
 * SHA-256 of the contract that the last run of a session was opened under which was opened at all. Null when none was.
 *
 * @throws what {@link fetchHistories} throws
 */
export async function openedUnder(client: Client, sessionId: string): Promise<string | null> {
  const histories = await fetchHistories(client, sessionId);
  const opened = histories.flatMap((history) => openedBy(history) ?? []).at(-1);
  return opened ? (await decoded<Opened>(client, opened)).contractSha256 : null;
}

/** What the activity answered in one run. */
function openedBy({ events }: History): Payload | undefined {
  const asked = new Set(
    (events ?? [])
      .filter(({ activityTaskScheduledEventAttributes: one }) => one?.activityType?.name === OPEN_SESSION)
      .map(({ eventId }) => String(eventId)),
  );
  return (events ?? [])
    .flatMap(({ activityTaskCompletedEventAttributes: one }) =>
      one && asked.has(String(one.scheduledEventId)) ? (one.result?.payloads ?? []) : [],
    )
    .at(-1);
}

async function decoded<T>({ options }: Client, payload: Payload): Promise<T> {
  const { payloadCodecs, payloadConverter } = options.loadedDataConverter;
  let payloads = [payload];
  for (const codec of payloadCodecs.toReversed()) payloads = await codec.decode(payloads);
  return payloadConverter.fromPayload<T>(payloads[0] ?? payload);
}
