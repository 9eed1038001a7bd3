import { z } from 'zod';

/*
 * OTLP's JSON form, strictly, as opentelemetry-proto v1 defines the messages and the specification of OTLP their encoding:
 * ids are lower-case hex and not zero, 64-bit integers are decimal text, enums are numbers. A reader must pass over fields
 * that it does not know; here they are refused, because they are ours and would be a mistake.
 */

const fixed64 = z.string().refine((text) => /^(0|[1-9]\d*)$/.test(text) && BigInt(text) < 2n ** 64n, 'is no fixed64');
const int64 = z
  .string()
  .refine((text) => /^(0|-?[1-9]\d*)$/.test(text) && BigInt.asIntN(64, BigInt(text)) === BigInt(text), 'is no int64');

function id(bytes: number): z.ZodString {
  return z.string().regex(new RegExp(`^(?!0+$)[0-9a-f]{${bytes * 2}}$`), `is no id of ${bytes} bytes`);
}

/** A value: one of these members, or none at all. */
interface AnyValue {
  stringValue?: string | undefined;
  boolValue?: boolean | undefined;
  intValue?: string | undefined;
  doubleValue?: number | undefined;
  arrayValue?: { values: AnyValue[] } | undefined;
  kvlistValue?: { values: KeyValue[] } | undefined;
}
interface KeyValue {
  key: string;
  value: AnyValue;
}

const anyValue: z.ZodType<AnyValue> = z.lazy(() =>
  z
    .strictObject({
      stringValue: z.string().optional(),
      boolValue: z.boolean().optional(),
      intValue: int64.optional(),
      doubleValue: z.number().optional(),
      arrayValue: z.strictObject({ values: z.array(anyValue) }).optional(),
      kvlistValue: z.strictObject({ values: keyValues }).optional(),
    })
    .refine((value) => Object.keys(value).length <= 1, 'is of two kinds'),
);

const keyValues: z.ZodType<KeyValue[]> = z
  .array(z.strictObject({ key: z.string().min(1), value: anyValue }))
  .refine((list) => new Set(list.map(({ key }) => key)).size === list.length, 'has a key twice');

const resource = z.strictObject({ attributes: keyValues });
const scope = z.strictObject({ name: z.string().min(1), version: z.string().min(1) });

const logRecord = z
  .strictObject({
    timeUnixNano: fixed64,
    observedTimeUnixNano: fixed64,
    severityNumber: z.int().min(1).max(24),
    severityText: z.string().min(1),
    eventName: z.string().min(1),
    body: anyValue,
    attributes: keyValues,
    traceId: id(16).optional(),
    spanId: id(8).optional(),
  })
  .refine(({ traceId, spanId }) => spanId === undefined || traceId !== undefined, 'a span without a trace');

const span = z
  .strictObject({
    traceId: id(16),
    spanId: id(8),
    parentSpanId: id(8).optional(),
    name: z.string().min(1),
    kind: z.int().min(1).max(5),
    startTimeUnixNano: fixed64,
    endTimeUnixNano: fixed64,
    attributes: keyValues,
    status: z.strictObject({ code: z.int().min(0).max(2), message: z.string().optional() }).optional(),
  })
  .refine(({ startTimeUnixNano: start, endTimeUnixNano: end }) => BigInt(start) <= BigInt(end), 'ends before it starts')
  .refine(({ spanId, parentSpanId }) => spanId !== parentSpanId, 'is its own parent');

/** ExportLogsServiceRequest. */
export const logsRequestSchema = z.strictObject({
  resourceLogs: z.array(
    z.strictObject({ resource, scopeLogs: z.array(z.strictObject({ scope, logRecords: z.array(logRecord) })) }),
  ),
});

/** ExportTraceServiceRequest. */
export const tracesRequestSchema = z.strictObject({
  resourceSpans: z.array(
    z.strictObject({ resource, scopeSpans: z.array(z.strictObject({ scope, spans: z.array(span) })) }),
  ),
});
