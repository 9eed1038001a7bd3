import { isJsonArray, isJsonObject, RequestRefused, type JsonObject } from './request.ts';
import type { TurnToolCall, TurnToolResult } from './script.ts';

/** One message as Messages has it, its blocks sorted by kind. */
export interface AnthropicMessage {
  readonly role: 'user' | 'assistant';
  readonly text: string;
  readonly toolCalls: readonly TurnToolCall[];
  readonly toolResults: readonly TurnToolResult[];
  /** How many blocks stand before the last tool result and are none. The real API refuses any. */
  readonly blocksBeforeResults: number;
}

type Block =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'call'; readonly call: TurnToolCall }
  | { readonly kind: 'result'; readonly result: TurnToolResult };

/**
 * Reads `messages.index`.
 *
 * @throws RequestRefused (400) when it does not have the shape of its role
 */
export function readMessage(message: unknown, index: number): AnthropicMessage {
  const where = `messages.${index}`;
  if (!isJsonObject(message)) throw new RequestRefused(`${where}: Input should be a valid dictionary`);
  const { role, content } = message;
  if (role !== 'user' && role !== 'assistant')
    throw new RequestRefused(`${where}.role: Input should be 'user' or 'assistant'`);
  const blocks = readBlocks(content, role, `${where}.content`);
  const lastResult = blocks.findLastIndex(({ kind }) => kind === 'result');
  return {
    role,
    text: blocks.flatMap((block) => (block.kind === 'text' ? [block.text] : [])).join(''),
    toolCalls: blocks.flatMap((block) => (block.kind === 'call' ? [block.call] : [])),
    toolResults: blocks.flatMap((block) => (block.kind === 'result' ? [block.result] : [])),
    blocksBeforeResults: blocks.slice(0, lastResult + 1).filter(({ kind }) => kind !== 'result').length,
  };
}

/**
 * Every tool_use must be answered by a tool_result at the start of the next message, once; and no tool_result may answer
 * anything else.
 *
 * @throws RequestRefused (400) in the words of the real API
 */
export function checkBlockOrder(messages: readonly AnthropicMessage[]): void {
  const everyId = messages.flatMap(({ toolCalls }) => toolCalls.map(({ id }) => id));
  if (new Set(everyId).size !== everyId.length) throw new RequestRefused('messages: `tool_use` ids must be unique');
  messages.forEach((message, index) => {
    checkResults(message, index, messages[index - 1]);
    const next = messages[index + 1];
    const answered = new Set(next?.blocksBeforeResults === 0 ? next.toolResults.map(({ callId }) => callId) : []);
    const missing = message.toolCalls.filter(({ id }) => !answered.has(id)).map(({ id }) => id);
    if (missing.length === 0) return;
    throw new RequestRefused(
      `messages.${index}: \`tool_use\` ids were found without \`tool_result\` blocks immediately after: ${missing.join(', ')}. ` +
        'Each `tool_use` block must have a corresponding `tool_result` block in the next message.',
    );
  });
}

function checkResults(message: AnthropicMessage, index: number, before: AnthropicMessage | undefined): void {
  const open = new Set(before?.toolCalls.map(({ id }) => id));
  const asked = new Set(open);
  message.toolResults.forEach(({ callId }, block) => {
    if (open.delete(callId)) return;
    throw new RequestRefused(
      asked.has(callId)
        ? `messages.${index}.content.${block}: each tool_use must have a single result. Found multiple \`tool_result\` blocks with id: ${callId}`
        : `messages.${index}.content.${block}: unexpected \`tool_use_id\` found in \`tool_result\` blocks: ${callId}. ` +
            'Each `tool_result` block must have a corresponding `tool_use` block in the previous message.',
    );
  });
}

/**
 * The text of a string, or of an array of text blocks.
 *
 * @throws RequestRefused (400) on anything else
 */
export function readText(content: unknown, where: string): string {
  if (typeof content === 'string') return content;
  if (!isJsonArray(content)) throw new RequestRefused(`${where}: Input should be a valid string or array`);
  return content.map((block, index) => readTextBlock(block, `${where}.${index}`)).join('');
}

function readBlocks(content: unknown, role: string, where: string): readonly Block[] {
  if (typeof content === 'string') {
    if (content === '') throw new RequestRefused(`${where}: text content must be non-empty`);
    return [{ kind: 'text', text: content }];
  }
  if (!isJsonArray(content)) throw new RequestRefused(`${where}: Input should be a valid string or array`);
  if (content.length === 0) throw new RequestRefused(`${where}: at least one content block is required`);
  return content.map((block, index) => readBlock(block, role, `${where}.${index}`));
}

function readBlock(block: unknown, role: string, where: string): Block {
  const type = isJsonObject(block) ? block['type'] : undefined;
  if (isJsonObject(block) && type === 'tool_use' && role === 'assistant')
    return { kind: 'call', call: readToolUse(block, where) };
  if (isJsonObject(block) && type === 'tool_result' && role === 'user')
    return { kind: 'result', result: readResult(block, where) };
  if (isJsonObject(block) && (type === 'thinking' || type === 'redacted_thinking') && role === 'assistant') {
    // Thinking that is handed back is not counted as input.
    return { kind: 'text', text: '' };
  }
  return { kind: 'text', text: readTextBlock(block, where) };
}

function readTextBlock(block: unknown, where: string): string {
  if (!isJsonObject(block) || block['type'] !== 'text' || typeof block['text'] !== 'string') {
    throw new RequestRefused(
      `${where}: Input should be a block of type text, tool_use (assistant) or tool_result (user)`,
    );
  }
  if (block['text'] === '') throw new RequestRefused(`${where}: text content blocks must be non-empty`);
  return block['text'];
}

function readToolUse(block: JsonObject, where: string): TurnToolCall {
  const { id, name, input } = block;
  if (typeof name !== 'string') throw new RequestRefused(`${where}.tool_use.name: Field required`);
  if (!isJsonObject(input)) throw new RequestRefused(`${where}.tool_use.input: Input should be a valid dictionary`);
  return { id: readId(id, `${where}.tool_use.id`), tool: name, argumentsText: JSON.stringify(input) };
}

function readResult(block: JsonObject, where: string): TurnToolResult {
  const { tool_use_id: callId, content, is_error: isError } = block;
  return {
    callId: readId(callId, `${where}.tool_result.tool_use_id`),
    text: content === undefined ? '' : readText(content, `${where}.tool_result.content`),
    isError: isError === true,
  };
}

function readId(id: unknown, where: string): string {
  if (typeof id === 'string' && /^[a-zA-Z0-9_-]+$/.test(id)) return id;
  throw new RequestRefused(`${where}: String should match pattern '^[a-zA-Z0-9_-]+$'`);
}
