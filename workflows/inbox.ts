import {
  allHandlersFinished,
  ApplicationFailure,
  CancellationScope,
  condition,
  defineSignal,
  defineUpdate,
  setHandler,
} from '@temporalio/workflow';
import { FIRST_MESSAGE_ID, type MessageInput, parseMessage } from '../src/core/message-input.ts';
import { emptyState, snapshotOf } from '../src/core/session-state.ts';
import { utf8Bytes } from '../src/core/values.ts';
import { END, type Reply, SEND, type SessionResult } from '../src/protocol.ts';
import type { Journal } from './journal.ts';
import { onlyArgument } from './only-argument.ts';

/** Most messages that wait at once: each holds an update open, and Temporal takes ten of those. */
const MAX_WAITING = 100;
/** Most that waits, in bytes of JSON: all that one run hands to the next must fit into one payload of Temporal's, 2 MB. */
const MAX_WAITING_BYTES = 524_288;
/** Replies that a message sent twice still gets. */
const REPLIES_KEPT = 100;
/** The same across runs, in bytes of their answers. */
const MAX_CARRIED_REPLY_BYTES = 200_000;
/** Ids by which a message that comes again is known. */
const IDS_KEPT = 1_000;

interface Waiting {
  readonly message: MessageInput;
  readonly via: 'update' | 'signal';
}

/** What one run of a session hands to the next: plain JSON. */
export interface InboxState {
  readonly waiting: readonly Waiting[];
  readonly known: readonly string[];
  readonly replies: readonly Reply[];
  readonly toldToEnd: boolean;
  /** The message that is being answered. */
  readonly current: string | null;
}

/** What is said to a session that goes on, in order, and who waits for an answer. */
export interface Inbox {
  /** Whether the session goes on after an answer. */
  readonly isOpen: boolean;
  /** Whether nothing is to be done until something is said. */
  isIdle(): boolean;
  /** From here on what is received is recorded; what came before is now. */
  attach(journal: Journal): void;
  /** Waits for the next message. Null when the session is to end: it was told to, or `stopped`. */
  next(stopped: () => boolean): Promise<MessageInput | null>;
  /** Answers a message: who waits for it is told. Null: the message that the session was started with. */
  answered(messageId: string | null, answer: string): void;
  /** From here on whoever waits is told to ask again: the next run answers. */
  handOver(): void;
  /** There is no next run after all. */
  takeBack(): void;
  /** What the next run needs. */
  state(): InboxState;
  /** Tells all who wait how the session ended, and waits until they know. */
  close(result: SessionResult): Promise<void>;
}

/**
 * Opens the inbox of a session, before anything else is done: an update that meets no handler is refused by the SDK.
 *
 * @param isConversation otherwise the session ends with its first answer, and takes no messages
 * @param carried what the run before had; null in the first one
 */
export function openInbox(isConversation: boolean, carried: InboxState | null): Inbox {
  let journal: Journal | null = null;
  const waiting: Waiting[] = [...(carried?.waiting ?? [])];
  // What the session was started with is a message as any other to who asks for its answer.
  const first = isConversation && !carried ? FIRST_MESSAGE_ID : null;
  const known = new Set(carried?.known ?? (first === null ? [] : [first]));
  const replies = new Map((carried?.replies ?? []).map((reply) => [reply.messageId, reply]));
  let toldToEnd = carried?.toldToEnd ?? false;
  let current = carried ? carried.current : first;
  let idle = false;
  let isHandedOver = false;
  let result: SessionResult | null = null;

  const refusal = (message: MessageInput): string | null => {
    if (known.has(message.id)) return null;
    if (result || journal?.state().ended) return 'The session has ended.';
    if (!isConversation) return 'The session ends with its first answer: it was not started as a conversation.';
    if (toldToEnd) return 'The session was told to end.';
    const bytes = waiting.reduce((sum, one) => sum + jsonBytes(one.message.text), jsonBytes(message.text));
    if (bytes > MAX_WAITING_BYTES) return `More than ${MAX_WAITING_BYTES} bytes wait already.`;
    return waiting.length < MAX_WAITING ? null : `${MAX_WAITING} messages wait already.`;
  };
  const record = ({ id, text }: MessageInput, via: 'update' | 'signal'): void => {
    journal?.emit('message_received', { message_id: id, bytes: utf8Bytes(text), via });
  };
  const take = (message: MessageInput, via: 'update' | 'signal'): void => {
    if (known.has(message.id)) return;
    known.add(message.id);
    const [oldest] = known;
    if (known.size > IDS_KEPT && oldest !== undefined) known.delete(oldest);
    waiting.push({ message, via });
    record(message, via);
  };
  const refuse = (message: MessageInput): void => {
    const why = refusal(message);
    if (why) throw ApplicationFailure.nonRetryable(why, 'MESSAGE_REFUSED');
  };
  const endOf = (messageId: string, { outcome, why }: SessionResult): Reply => ({
    messageId,
    outcome,
    answer: null,
    why: why ?? 'The session has ended.',
    budget: budgetOf(journal),
  });

  /** Whether a message is still to be answered. */
  const isDue = (id: string): boolean => id === current || waiting.some(({ message }) => message.id === id);
  const forgotten = (messageId: string): Reply => ({
    messageId,
    outcome: 'answered',
    answer: null,
    why: 'It was answered before, and the answer is not kept any more.',
    budget: budgetOf(journal),
  });
  const again = (messageId: string): Reply => ({
    messageId,
    outcome: 'again',
    answer: null,
    why: 'The session goes on in another run: say it again, under the same id.',
    budget: budgetOf(journal),
  });

  setHandler(
    defineUpdate<Reply, [MessageInput]>(SEND),
    async (input) => {
      const message = parseMessage(input);
      // Once more: since the validator looked others were taken, and the session may have ended.
      if (!isHandedOver) refuse(message);
      if (!isHandedOver) take(message, 'update');
      // Who asked hears how the session ended, also when it is cancelled.
      await CancellationScope.nonCancellable(() =>
        condition(() => isHandedOver || !isDue(message.id) || result !== null),
      );
      const reply = replies.get(message.id);
      if (reply) return reply;
      if (result) return endOf(message.id, result);
      return isDue(message.id) || isHandedOver ? again(message.id) : forgotten(message.id);
    },
    {
      description: 'Says something to a session that goes on: {"id": "…", "text": "…"}. Answers when it has answered.',
      // What is malformed leaves no event in history.
      validator: (...args) => {
        refuse(onlyArgument(args, parseMessage));
      },
    },
  );
  setHandler(
    defineSignal<unknown[]>(SEND),
    (...args) => {
      try {
        const message = onlyArgument(args, parseMessage);
        if (refusal(message) !== null) return;
        take(message, 'signal');
        journal?.leaveTrace();
      } catch {
        // Nobody hears an answer to a signal, and the session is not to be harmed by it.
      }
    },
    { description: 'The same without an answer: for when no worker is up.' },
  );
  const end = (): void => void (toldToEnd = true);
  setHandler(defineUpdate<void>(END), end, {
    description: 'Ends the session, after the turn that runs.',
    validator: () => {
      const why = 'The session is no conversation: it ends by itself, with its answer. To stop it, cancel it.';
      if (!isConversation) throw ApplicationFailure.nonRetryable(why, 'END_REFUSED');
    },
  });
  setHandler(defineSignal(END), end, { description: 'Ends the session, after the turn that runs.' });

  return {
    isOpen: isConversation,
    isIdle: () => idle,
    attach(opened) {
      journal = opened;
      // Those that the run before had are in its log.
      for (const { message, via } of waiting.slice(carried?.waiting.length ?? 0)) record(message, via);
    },
    async next(stopped) {
      idle = true;
      journal?.touch();
      await condition(() => waiting.length > 0 || toldToEnd || stopped());
      idle = false;
      const message = stopped() ? null : (waiting.shift()?.message ?? null);
      current = message?.id ?? null;
      return message;
    },
    answered(messageId, answer) {
      if (!isConversation) return;
      journal?.emit('turn_answered', { message_id: messageId, bytes: utf8Bytes(answer) });
      const id = messageId ?? FIRST_MESSAGE_ID;
      current = null;
      replies.set(id, { messageId: id, outcome: 'answered', answer, why: null, budget: budgetOf(journal) });
      const [oldest] = replies.keys();
      if (replies.size > REPLIES_KEPT && oldest !== undefined) replies.delete(oldest);
    },
    handOver() {
      isHandedOver = true;
    },
    takeBack() {
      isHandedOver = false;
    },
    state: () => ({ waiting, known: [...known], replies: lastOf([...replies.values()]), toldToEnd, current }),
    async close(ended) {
      result = ended;
      await condition(allHandlersFinished);
    },
  };
}

function jsonBytes(text: string): number {
  return utf8Bytes(JSON.stringify(text));
}

/** The last replies, as far as they fit. */
function lastOf(replies: readonly Reply[]): Reply[] {
  const kept: Reply[] = [];
  let bytes = 0;
  for (const reply of replies.toReversed()) {
    bytes += jsonBytes(reply.answer ?? '');
    if (bytes > MAX_CARRIED_REPLY_BYTES) break;
    kept.unshift(reply);
  }
  return kept;
}

function budgetOf(journal: Journal | null): Reply['budget'] {
  return snapshotOf((journal?.state() ?? emptyState()).ledger, Date.now());
}
