import { AegrailError } from './errors.ts';
import { checkJson } from './json.ts';
import { isPlainObject, utf8Bytes } from './values.ts';

/** What is said to a session that goes on: the one argument of the update and of the signal `send`. */
export interface MessageInput {
  /** The same id twice is one message. */
  readonly id: string;
  readonly text: string;
}

/** Id under which a conversation's first message, its start's, may be asked for its answer with the update `send`. */
export const FIRST_MESSAGE_ID = 'aegrail:first';

/** Longest message, in bytes of JSON: it may travel from one run of its session to the next, among others. */
const MAX_MESSAGE_BYTES = 262_144;
const MESSAGE_ID = /^[\w.:@/-]{1,200}$/;

/** Checks a message, whoever sent it. @throws AegrailError INPUT_INVALID with the field, what it is, and what would be right */
export function parseMessage(value: unknown): MessageInput {
  if (!isPlainObject(value)) throw invalid('it must be one JSON object with id and text');
  const problem = checkJson(value);
  if (problem) throw invalid(`it is not plain JSON: ${problem}`);
  const unknown = Object.keys(value).some((key) => key !== 'id' && key !== 'text');
  if (unknown) throw invalid('it has a member that is not known; known are id and text');
  const { id, text } = value;
  if (typeof id !== 'string' || !MESSAGE_ID.test(id))
    throw invalid('id must be 1 to 200 letters, digits and any of _ . : @ / -');
  if (typeof text !== 'string') throw invalid('text must be text');
  // What a session was started with is only asked for: the text is not looked at.
  if (text.trim() === '' && id !== FIRST_MESSAGE_ID) throw invalid('text is empty, and must say something');
  const bytes = utf8Bytes(JSON.stringify(text));
  if (bytes > MAX_MESSAGE_BYTES) throw invalid(`text has ${bytes} bytes as JSON, and may have ${MAX_MESSAGE_BYTES}`);
  return { id, text };
}

function invalid(why: string): AegrailError {
  return new AegrailError('INPUT_INVALID', `The message is invalid: ${why}.`);
}
