import type { Payload, PayloadCodec } from '@temporalio/common';
import type { Contract } from '../core/contract.ts';
import { AegrailError, messageOf } from '../core/errors.ts';
import type { StartInput } from '../core/start-input.ts';
import type { Adopted, NotAdopted } from '../core/migration.ts';
import type { Envelope, ModelAnswer, Opened, ToolCall } from '../calls.ts';
import { SESSION_WORKFLOW } from '../protocol.ts';

/** What a session's history has beyond its records: the contract in full, and the calls with their arguments. */
export interface CallsInHistory {
  readonly input: StartInput;
  readonly opened: Opened;
  /** The contracts that it was held to, by their SHA-256. */
  readonly contracts: ReadonlyMap<string, Contract>;
  /** What the model answered, by {@link callKey} of the record that admitted the call. */
  readonly answers: ReadonlyMap<string, ModelAnswer>;
  /** Tool calls that were scheduled, by {@link callKey} of the record that admitted them. */
  readonly tools: ReadonlyMap<string, ToolCall>;
}

/**
 * Names a call by the record that admitted it. Not by `seq` alone: a run that was reset schedules calls under numbers that
 * the session's log has given to others, and they are refused.
 */
export function callKey(seq: number, digest: string): string {
  return `${seq} ${digest}`;
}

/** Activities whose calls or answers are read. */
const READ: ReadonlySet<string> = new Set(['openSession', 'adoptContract', 'callModel', 'callTool']);

/** The part of Temporal's events that is read here. */
interface Event {
  readonly eventId?: unknown;
  readonly workflowExecutionStartedEventAttributes?: {
    readonly workflowType?: { readonly name?: string | null } | null;
    readonly workflowId?: string | null;
    readonly input?: Payloads;
  } | null;
  readonly activityTaskScheduledEventAttributes?: {
    readonly activityType?: { readonly name?: string | null } | null;
    readonly input?: Payloads;
  } | null;
  readonly activityTaskCompletedEventAttributes?: {
    readonly scheduledEventId?: unknown;
    readonly result?: Payloads;
  } | null;
}

type Payloads = { readonly payloads?: readonly Payload[] | null } | null;

/**
 * The id of the session that a history is of.
 *
 * @throws AegrailError SESSION_UNKNOWN for a workflow of another type, LOG_INVALID for what does not begin as a history does
 */
export function sessionIdOf(history: unknown, name: string): string {
  const [first] = eventsOf(history);
  const started = first?.workflowExecutionStartedEventAttributes;
  if (!started) {
    throw new AegrailError('LOG_INVALID', `${name} does not begin with the start of a workflow: its head is missing.`);
  }
  const type = started.workflowType?.name ?? '';
  if (type !== SESSION_WORKFLOW)
    throw new AegrailError('SESSION_UNKNOWN', `${name} is of no session: it is of a workflow of type ${type}.`);
  if (!started.workflowId)
    throw new AegrailError(
      'LOG_INVALID',
      `${name} does not name its workflow: workflowId is missing in its first event.`,
    );
  return started.workflowId;
}

/**
 * Reads contract, calls and answers out of the histories of a session's runs.
 *
 * @param codec of the worker that ran the session, when it encrypted
 * @throws AegrailError LOG_INVALID when a payload can not be read, or the session was never opened; the codec's own errors
 */
export async function callsInHistory(
  histories: readonly unknown[],
  codec: PayloadCodec | undefined,
): Promise<CallsInHistory> {
  const answers = new Map<string, ModelAnswer>();
  const tools = new Map<string, ToolCall>();
  const contracts = new Map<string, Contract>();
  let input: StartInput | null = null;
  let opened: Opened | null = null;
  for (const history of histories) {
    const read = (event: Event, payloads: Payloads | undefined): Promise<unknown> => decoded(event, payloads, codec);
    const scheduled = new Map<string, { readonly name: string; readonly key: string }>();
    for (const event of eventsOf(history)) {
      const started = event.workflowExecutionStartedEventAttributes;
      if (started) input ??= (await read(event, started.input)) as StartInput;
      const asked = event.activityTaskScheduledEventAttributes;
      const name = asked?.activityType?.name;
      if (asked && name && READ.has(name)) {
        const { call, permit } = (await read(event, asked.input)) as Envelope<ToolCall>;
        const key = callKey(permit?.seq ?? -1, permit?.digest ?? '');
        scheduled.set(String(event.eventId), { name, key });
        if (name === 'callTool') tools.set(key, call);
      }
      const done = event.activityTaskCompletedEventAttributes;
      const of = done ? scheduled.get(String(done.scheduledEventId)) : undefined;
      if (of?.name === 'callModel') answers.set(of.key, (await read(event, done?.result)) as ModelAnswer);
      if (of?.name !== 'openSession' && of?.name !== 'adoptContract') continue;
      const found = (await read(event, done?.result)) as Opened | Adopted | NotAdopted | null;
      if (!found || 'refused' in found) continue;
      contracts.set(found.contractSha256, found.contract);
      if (of.name === 'openSession') opened ??= found as Opened;
    }
  }
  if (input && opened) return { input, opened, contracts, answers, tools };
  throw new AegrailError('LOG_INVALID', 'The session was never opened: its history has no contract.');
}

function eventsOf(history: unknown): readonly Event[] {
  const { events } = (history ?? {}) as { readonly events?: readonly Event[] | null };
  return events ?? [];
}

/** The first of an event's payloads, decoded as by a worker: through the codec, then the converter. */
async function decoded(event: Event, from: Payloads | undefined, codec: PayloadCodec | undefined): Promise<unknown> {
  const [payload] = from?.payloads ?? [];
  if (!payload) return undefined;
  try {
    const [plain = payload] = codec ? await codec.decode([payload]) : [payload];
    return valueOf(plain);
  } catch (thrown) {
    if (thrown instanceof AegrailError) throw thrown;
    const why = `Event ${String(event.eventId)} of the history holds what can not be read: ${firstLine(messageOf(thrown))}.`;
    throw new AegrailError('LOG_INVALID', why, { cause: thrown });
  }
}

/** What all of aegrail's payloads are once a codec is through with them: JSON, or nothing. */
function valueOf({ metadata, data }: Payload): unknown {
  const encoding = text(metadata?.['encoding']);
  if (encoding === 'binary/null') return null;
  if (encoding === 'json/plain') return JSON.parse(text(data));
  if (encoding.startsWith('binary/encrypted'))
    throw new TypeError('it is encrypted, and the contract file whose `encryption` names the keys was not given');
  throw new TypeError(`its encoding is ${JSON.stringify(encoding.slice(0, 64))}, and not JSON`);
}

function text(bytes: Uint8Array | null | undefined): string {
  return new TextDecoder('utf-8', { fatal: true }).decode(bytes ?? new Uint8Array());
}

function firstLine(message: string): string {
  return message.split('\n', 1)[0] ?? '';
}
