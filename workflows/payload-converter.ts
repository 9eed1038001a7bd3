import { DefaultPayloadConverter, type Payload, type PayloadConverter } from '@temporalio/common';

/** Stands for a payload that is not what it says it is. No JSON value is a class instance, so nothing is mistaken for it. */
export class UnreadablePayload {
  readonly why: string;

  constructor(why: string) {
    this.why = why;
  }
}

const standard = new DefaultPayloadConverter();

/**
 * Temporal's own converter, but for one thing: a payload that can not be decoded becomes an {@link UnreadablePayload}.
 * Thrown, the error would fail the workflow task before the workflow's first line, and for ever: one malformed start
 * would stay Running. So the workflow is told, and ends with a typed failure.
 */
export const payloadConverter: PayloadConverter = {
  toPayload: (value) => standard.toPayload(value),
  // oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- Temporal's interface has it so
  fromPayload<T>(payload: Payload): T {
    try {
      return standard.fromPayload<T>(payload);
    } catch (thrown) {
      return new UnreadablePayload(oneLine(thrown instanceof Error ? thrown.message : String(thrown))) as T;
    }
  },
};

/** A JSON error quotes what it could not read, whatever that is. */
function oneLine(text: string): string {
  return text.slice(0, 200).replace(/[\p{Cc}\p{Cf}\p{Cs}]/gu, '?');
}
