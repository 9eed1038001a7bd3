import { DefaultPayloadConverter, type Payload, type PayloadConverter } from '@temporalio/common';

const standard = new DefaultPayloadConverter();

/** Sends what stands under `rawPayload` as it is, and says that it is JSON. */
export const payloadConverter: PayloadConverter = {
  toPayload(value) {
    const raw = typeof value === 'object' && value !== null && 'rawPayload' in value ? String(value.rawPayload) : null;
    if (raw === null) return standard.toPayload(value);
    return { metadata: { encoding: new TextEncoder().encode('json/plain') }, data: new TextEncoder().encode(raw) };
  },
  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- Temporal's interface has it so
  fromPayload: <T>(payload: Payload): T => standard.fromPayload<T>(payload),
};
