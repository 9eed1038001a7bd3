import { checkBlockOrder, readMessage, readText, type AnthropicMessage } from './anthropic-messages.ts';
import { isJsonArray, isJsonObject, RequestRefused, type JsonObject, type ModelRequest } from './request.ts';
import type { TurnMessage, TurnTool } from './script.ts';

/** Every top-level field that Messages knows; any other is a 400, as at the real API. */
const KNOWN_FIELDS = new Set(
  (
    'cache_control container context_management inference_geo max_tokens mcp_servers messages metadata model output_config ' +
    'output_format service_tier speed stop_sequences stream system temperature thinking tool_choice tools top_k top_p'
  ).split(' '),
);

/**
 * Reads the body of `POST /v1/messages`.
 *
 * @throws RequestRefused (400) with the wording of the real API where it is known
 */
export function readAnthropicRequest(body: unknown): ModelRequest {
  if (!isJsonObject(body)) throw new RequestRefused('The request body is not valid JSON: it must be an object.');
  const unknown = Object.keys(body).find((name) => !KNOWN_FIELDS.has(name));
  if (unknown !== undefined) throw new RequestRefused(`${unknown}: Extra inputs are not permitted`);
  if (typeof body['model'] !== 'string' || body['model'] === '') throw new RequestRefused('model: Field required');
  if (body['stream'] === true)
    throw new RequestRefused('stream: The scripted endpoint does not stream: leave out stream.');
  const maxOutputTokens = readMaxTokens(body['max_tokens']);
  const system = body['system'] === undefined ? '' : readText(body['system'], 'system');
  const wire = readMessages(body['messages']);
  checkBlockOrder(wire);
  const { tools, toolsText } = readTools(body);
  const choice = body['tool_choice'];
  return {
    protocol: 'anthropic',
    model: body['model'],
    system,
    messages: wire.flatMap(toTurnMessages),
    tools,
    mayCall: tools.length > 0 && !(isJsonObject(choice) && choice['type'] === 'none'),
    maxOutputTokens,
    preamble: [system, toolsText].filter((text) => text !== '').join('\n'),
    messageTexts: wire.map(textForCounting),
  };
}

function readMaxTokens(value: unknown): number {
  if (value === undefined) throw new RequestRefused('max_tokens: Field required');
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) {
    throw new RequestRefused('max_tokens: Input should be a valid integer');
  }
  if (value < 1) throw new RequestRefused('max_tokens: Input should be greater than or equal to 1');
  return value;
}

function readMessages(messages: unknown): readonly AnthropicMessage[] {
  if (messages === undefined) throw new RequestRefused('messages: Field required');
  if (!isJsonArray(messages)) throw new RequestRefused('messages: Input should be a valid array');
  if (messages.length === 0) throw new RequestRefused('messages: at least one message is required');
  const read = messages.map(readMessage);
  if (read[0]?.role !== 'user') throw new RequestRefused('messages: first message must use the "user" role');
  const twice = read.find(({ role }, index) => role === read[index - 1]?.role);
  if (twice !== undefined) {
    throw new RequestRefused(
      `messages: roles must alternate between "user" and "assistant", but found multiple "${twice.role}" roles in a row`,
    );
  }
  return read;
}

function readTools(body: JsonObject): { readonly tools: readonly TurnTool[]; readonly toolsText: string } {
  const { tools, tool_choice: choice } = body;
  if (tools === undefined && choice !== undefined) {
    throw new RequestRefused('tool_choice: may only be specified while providing tools');
  }
  if (tools === undefined) return { tools: [], toolsText: '' };
  if (!isJsonArray(tools)) throw new RequestRefused('tools: Input should be a valid array');
  const read = tools.map(readTool);
  if (new Set(read.map(({ name }) => name)).size !== read.length)
    throw new RequestRefused('tools: Tool names must be unique.');
  return { tools: read, toolsText: read.length === 0 ? '' : JSON.stringify(tools) };
}

function readTool(tool: unknown, index: number): TurnTool {
  const where = `tools.${index}.custom`;
  if (!isJsonObject(tool) || (tool['type'] !== undefined && tool['type'] !== 'custom')) {
    throw new RequestRefused(`${where}: The scripted endpoint knows tools of type custom only`);
  }
  const { name, description, input_schema: inputSchema } = tool;
  if (typeof name !== 'string' || !/^[a-zA-Z0-9_-]{1,128}$/.test(name)) {
    throw new RequestRefused(`${where}.name: String should match pattern '^[a-zA-Z0-9_-]{1,128}$'`);
  }
  if (!isJsonObject(inputSchema)) throw new RequestRefused(`${where}.input_schema: Field required`);
  if (inputSchema['type'] !== 'object')
    throw new RequestRefused(`${where}.input_schema.type: Input should be 'object'`);
  return { name, description: typeof description === 'string' ? description : '', inputSchema };
}

/** Tool results come first in a user message, and are a message of their own for the script; text after them is the user's. */
function toTurnMessages({ role, text, toolCalls, toolResults }: AnthropicMessage): TurnMessage[] {
  const results: TurnMessage = { role: 'tool', text: '', toolCalls: [], toolResults };
  const spoken: TurnMessage = { role, text, toolCalls, toolResults: [] };
  if (toolResults.length === 0) return [spoken];
  return text === '' ? [results] : [results, spoken];
}

function textForCounting({ role, text, toolCalls, toolResults }: AnthropicMessage): string {
  const results = toolResults.map((result) => result.text);
  return [role, ...results, text, ...toolCalls.flatMap(({ tool, argumentsText }) => [tool, argumentsText])].join('\n');
}
