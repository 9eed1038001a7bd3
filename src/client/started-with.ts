import type { Client, WorkflowHandle } from '@temporalio/client';
import { isPlainObject } from '../core/values.ts';

/**
 * Whether a session was started as a conversation, by the first event of its history: no worker is needed for that.
 *
 * @returns null where it can not be read, for want of a payload key
 */
export async function wasStartedAsConversation(
  client: Client,
  { workflowId }: WorkflowHandle,
): Promise<boolean | null> {
  const { payloadConverter, payloadCodecs } = client.options.loadedDataConverter;
  const { history } = await client.workflowService.getWorkflowExecutionHistory({
    namespace: client.options.namespace,
    execution: { workflowId },
    maximumPageSize: 1,
  });
  let payloads = history?.events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads?.slice(0, 1) ?? [];
  try {
    for (const codec of payloadCodecs.toReversed()) payloads = await codec.decode(payloads);
    const [payload] = payloads;
    const input: unknown = payload ? payloadConverter.fromPayload(payload) : undefined;
    return isPlainObject(input) && 'agent' in input ? input['conversation'] === true : null;
  } catch {
    return null;
  }
}
