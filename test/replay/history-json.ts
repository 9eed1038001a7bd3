import { createRequire } from 'node:module';

/** A workflow history as the SDK has it in memory. */
export interface History {
  readonly events?: readonly unknown[] | null;
}

interface ProtoJson {
  readonly fromJson: (type: unknown, json: unknown, options: { readonly ignoreUnknownFields: boolean }) => History;
  readonly toJson: (type: unknown, message: unknown) => unknown;
}

interface HistoryType {
  fromObject(history: History): unknown;
}

interface Root {
  lookupType(name: string): HistoryType;
}

// The SDK's own historyFromJSON throws "type must be a Type" where npm has put protobufjs into several of its packages.
// So all of it is taken from where @temporalio/proto has its own.
const fromSdk = createRequire(import.meta.resolve('@temporalio/worker'));
const fromProto = createRequire(fromSdk.resolve('@temporalio/proto'));
const { fromJson, toJson } = fromProto('protobufjs/ext/protojson') as ProtoJson;
const historyType = patchedRoot().lookupType('temporal.api.history.v1.History');

function patchedRoot(): Root {
  const patch = fromSdk('@temporalio/proto/lib/patch-protobuf-root') as {
    readonly patchProtobufRoot: (root: unknown) => Root;
  };
  return patch.patchProtobufRoot(fromSdk('@temporalio/proto'));
}

/** Reads a history from the JSON that Temporal's tools write, `temporal workflow show --output json` among them. */
export function historyFromJson(text: string): History {
  return fromJson(historyType, JSON.parse(text), { ignoreUnknownFields: true });
}

/** Writes a history as Temporal's tools do. */
export function historyToJson(history: History): string {
  return `${JSON.stringify(toJson(historyType, historyType.fromObject(history)), withoutMachine, 1)}\n`;
}

/** Where a history was made is nobody's business: no process ids, host names and paths. Nothing of it is replayed. */
function withoutMachine(key: string, value: unknown): unknown {
  if (key === 'identity') return 'recorded';
  return key === 'stackTrace' ? undefined : value;
}
