import type { Client, WorkflowHandle } from '@temporalio/client';
import { type DecisionInput, parseDecision } from '../core/approval.ts';
import { AegrailError } from '../core/errors.ts';
import { FIRST_MESSAGE_ID, type MessageInput, parseMessage } from '../core/message-input.ts';
import { parseTopUp, type TopUpInput } from '../core/top-up.ts';
import { DECIDE, type DecisionResult, type Reply, SEND, TOP_UP, type TopUpResult } from '../protocol.ts';
import { wasStartedAsConversation } from './started-with.ts';
import { over, updated } from './updated.ts';

/** How a message is known. */
export interface MessageOptions {
  /** The same id twice is one message. Made up when left out. */
  readonly id?: string;
}

/** Says something to a conversation, and waits for the answer. @throws AegrailError MESSAGE_REFUSED, INPUT_INVALID */
export async function sendTo(handle: WorkflowHandle, text: string, options?: MessageOptions): Promise<Reply> {
  return replyTo(handle, messageOf(text, options), false);
}

/** Waits for the answer to what a conversation was started with. @throws AegrailError MESSAGE_REFUSED */
export async function firstReplyOf(handle: WorkflowHandle): Promise<Reply> {
  return replyTo(handle, messageOf('', { id: FIRST_MESSAGE_ID }), true);
}

/** @param isKnown whether it was sent before: then the update is to be another one */
async function replyTo(handle: WorkflowHandle, message: MessageInput, isKnown: boolean): Promise<Reply> {
  for (let attempt = 0; ; attempt++) {
    // The session knows a message by its own id; the update's is another where it has to be sent again.
    const updateId = attempt === 0 && !isKnown ? message.id : newId();
    const reply = await updated<Reply>(handle, SEND, message, updateId, 'MESSAGE_REFUSED');
    if (reply.outcome !== 'again') return reply;
    // It is about to go on in another run. Each try counts among the 2,000 updates that a run may have.
    await new Promise((resolve) => setTimeout(resolve, Math.min(100 * 2 ** attempt, 2_000)));
  }
}

/** Decides of a request that waits. @throws AegrailError APPROVAL_REFUSED, INPUT_INVALID */
export async function decideTo(handle: WorkflowHandle, decision: DecisionInput): Promise<DecisionResult> {
  return updated<DecisionResult>(handle, DECIDE, parseDecision(decision), newId(), 'APPROVAL_REFUSED');
}

/** Raises a session's budget. @throws AegrailError TOPUP_REFUSED, INPUT_INVALID */
export async function topUpTo(handle: WorkflowHandle, topUp: TopUpInput): Promise<TopUpResult> {
  const { id = newId(), ...given } = parseTopUp(topUp);
  return updated<TopUpResult>(handle, TOP_UP, { id, ...given }, newId(), 'TOPUP_REFUSED');
}

/** Says something to a conversation, now or when a worker is up. @throws AegrailError MESSAGE_REFUSED, INPUT_INVALID */
export async function postTo(
  client: Client,
  handle: WorkflowHandle,
  text: string,
  options?: MessageOptions,
): Promise<string> {
  const message = messageOf(text, options);
  // A signal has no answer: the session would leave the message unread, and nobody would know.
  if ((await wasStartedAsConversation(client, handle)) === false) {
    throw new AegrailError(
      'MESSAGE_REFUSED',
      `The session ${handle.workflowId} ends with its first answer: it was not started as a conversation.`,
    );
  }
  try {
    await handle.signal<[MessageInput]>(SEND, message);
    return message.id;
  } catch (thrown) {
    return over(handle, thrown, 'MESSAGE_REFUSED');
  }
}

function newId(): string {
  return globalThis.crypto.randomUUID();
}

function messageOf(text: string, { id = newId() }: MessageOptions = {}): MessageInput {
  return parseMessage({ id, text });
}
