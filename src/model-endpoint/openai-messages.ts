import { isJsonArray, isJsonObject, RequestRefused, type JsonObject } from './request.ts';
import type { TurnToolCall } from './script.ts';

const ROLES = ['system', 'developer', 'user', 'assistant', 'tool'] as const;

/** One message as Chat Completions has it. */
export interface OpenAiMessage {
  readonly role: (typeof ROLES)[number];
  readonly text: string;
  readonly toolCalls: readonly TurnToolCall[];
  /** Only of role `tool`. */
  readonly toolCallId: string | undefined;
}

/**
 * Reads `messages[index]`.
 *
 * @throws RequestRefused (400) when it does not have the shape of its role
 */
export function readMessage(message: unknown, index: number): OpenAiMessage {
  const where = `messages[${index}]`;
  if (!isJsonObject(message)) throw wrongType(where, 'an object');
  const role = ROLES.find((known) => known === message['role']);
  if (role === undefined) {
    throw new RequestRefused(
      `Invalid value: ${JSON.stringify(message['role'])}. Supported values are: ${ROLES.join(', ')}.`,
      {
        param: `${where}.role`,
        code: 'invalid_value',
      },
    );
  }
  const toolCalls = readToolCalls(message, role, where);
  const mayBeNull = role === 'assistant' && toolCalls.length > 0;
  const text = readText(message['content'], mayBeNull, `${where}.content`);
  const toolCallId = message['tool_call_id'];
  if (role === 'tool' && typeof toolCallId !== 'string') {
    throw new RequestRefused(`Missing required parameter: '${where}.tool_call_id'.`, {
      param: `${where}.tool_call_id`,
      code: 'missing_required_parameter',
    });
  }
  return { role, text, toolCalls, toolCallId: typeof toolCallId === 'string' ? toolCallId : undefined };
}

/**
 * Every call must be answered by a tool message, right after it, once; and no tool message may answer anything else.
 *
 * @throws RequestRefused (400) in the words of the real API
 */
export function checkToolPairs(messages: readonly OpenAiMessage[]): void {
  let open = new Set<string>();
  let asked: readonly string[] = [];
  messages.forEach((message, index) => {
    const param = `messages.[${index}].role`;
    if (message.role !== 'tool') {
      refuseUnanswered(open, param);
      asked = message.toolCalls.map(({ id }) => id);
      open = new Set(asked);
      if (open.size !== asked.length)
        throw new RequestRefused(`Duplicate id in 'messages[${index}].tool_calls'.`, { param });
      return;
    }
    const id = message.toolCallId ?? '';
    if (open.delete(id)) return;
    if (asked.includes(id))
      throw new RequestRefused(`Duplicate value for 'tool_call_id' of '${id}' in 'messages[${index}]'.`, { param });
    throw new RequestRefused(
      asked.length === 0
        ? `Invalid parameter: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'.`
        : `Invalid parameter: 'tool_call_id' of '${id}' not found in 'tool_calls' of previous message.`,
      { param },
    );
  });
  refuseUnanswered(open, `messages.[${messages.length - 1}].role`);
}

function refuseUnanswered(open: ReadonlySet<string>, param: string): void {
  if (open.size === 0) return;
  throw new RequestRefused(
    `An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. ` +
      `The following tool_call_ids did not have response messages: ${[...open].join(', ')}`,
    { param },
  );
}

function readText(content: unknown, mayBeNull: boolean, where: string): string {
  if (typeof content === 'string') return content;
  if ((content ?? null) === null && mayBeNull) return '';
  if (!isJsonArray(content) || content.length === 0) throw wrongType(where, 'a string or an array of content parts');
  return content.map((part, index) => readPart(part, `${where}[${index}]`)).join('');
}

function readPart(part: unknown, where: string): string {
  if (isJsonObject(part) && part['type'] === 'text' && typeof part['text'] === 'string') return part['text'];
  if (isJsonObject(part) && part['type'] === 'refusal' && typeof part['refusal'] === 'string') return part['refusal'];
  throw wrongType(where, 'a part of type text (the scripted endpoint reads text only)');
}

function readToolCalls(message: JsonObject, role: string, where: string): readonly TurnToolCall[] {
  const calls = message['tool_calls'];
  if (calls === undefined) return [];
  if (role !== 'assistant')
    throw new RequestRefused(`Only an assistant message has tool_calls.`, { param: `${where}.tool_calls` });
  if (!isJsonArray(calls) || calls.length === 0)
    throw wrongType(`${where}.tool_calls`, 'an array with minimum length 1');
  return calls.map((call, index) => readToolCall(call, `${where}.tool_calls[${index}]`));
}

function readToolCall(call: unknown, where: string): TurnToolCall {
  if (!isJsonObject(call) || call['type'] !== 'function') throw wrongType(where, 'an object of type function');
  const { id, function: called } = call;
  if (typeof id !== 'string' || id === '') throw wrongType(`${where}.id`, 'a string');
  if (!isJsonObject(called) || typeof called['name'] !== 'string')
    throw wrongType(`${where}.function.name`, 'a string');
  if (typeof called['arguments'] !== 'string') throw wrongType(`${where}.function.arguments`, 'a string');
  return { id, tool: called['name'], argumentsText: called['arguments'] };
}

function wrongType(where: string, expected: string): RequestRefused {
  return new RequestRefused(`Invalid type for '${where}': expected ${expected}.`, {
    param: where,
    code: 'invalid_type',
  });
}
