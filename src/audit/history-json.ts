import { createRequire } from 'node:module';
import { AegrailError, messageOf } from '../core/errors.ts';
import { isPlainObject } from '../core/values.ts';

/** A workflow history, as the Temporal client gives it. */
export interface History {
  readonly events?: readonly unknown[] | null;
}

interface HistoryType {
  fromObject(json: unknown): History;
}

interface ProtoJson {
  readonly fromJson: (type: HistoryType, json: unknown, options: { readonly ignoreUnknownFields: boolean }) => History;
}

interface Root {
  lookupType(name: string): HistoryType;
}

/**
 * Reads a history that was written as JSON: by `temporal workflow show -o json` and the Temporal UI (protobuf's own JSON),
 * or by `JSON.stringify` of what the client's `fetchHistory` gave.
 *
 * @throws AegrailError LOG_INVALID for a text that is no history; `name` is what messages call it
 */
export function parseHistory(text: string, name: string): History {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (thrown) {
    throw noHistory(name, `it is no JSON (${messageOf(thrown).split('\n', 1)[0]})`, thrown);
  }
  const events = isPlainObject(json) ? json['events'] : undefined;
  if (!Array.isArray(events)) throw noHistory(name, 'it has no list of events');
  const [first] = events as readonly unknown[];
  if (!isPlainObject(first)) throw noHistory(name, 'it has no events');
  const { type, fromJson } = historyType();
  try {
    // The client's timestamps are objects of seconds and nanoseconds, protobuf's JSON has them as text.
    const isProtoJson = typeof first['eventTime'] === 'string';
    return isProtoJson ? fromJson(type, json, { ignoreUnknownFields: true }) : type.fromObject(json);
  } catch (thrown) {
    throw noHistory(name, messageOf(thrown).split('\n', 1)[0] ?? '', thrown);
  }
}

/**
 * The SDK's own historyFromJSON throws "type must be a Type" where npm has put protobufjs into several of its packages. So
 * all of it is taken from where @temporalio/proto has its own.
 */
function historyType(): { readonly type: HistoryType; readonly fromJson: ProtoJson['fromJson'] } {
  const fromSdk = createRequire(import.meta.resolve('@temporalio/worker'));
  const fromProto = createRequire(fromSdk.resolve('@temporalio/proto'));
  const { fromJson } = fromProto('protobufjs/ext/protojson') as ProtoJson;
  const { patchProtobufRoot } = fromSdk('@temporalio/proto/lib/patch-protobuf-root') as {
    readonly patchProtobufRoot: (root: unknown) => Root;
  };
  const root = patchProtobufRoot(fromSdk('@temporalio/proto'));
  return { type: root.lookupType('temporal.api.history.v1.History'), fromJson };
}

function noHistory(name: string, why: string, cause?: unknown): AegrailError {
  const right = 'Write one with: temporal workflow show -w ID -o json';
  return new AegrailError('LOG_INVALID', `${name} is no workflow history: ${why}. ${right}`, { cause });
}
