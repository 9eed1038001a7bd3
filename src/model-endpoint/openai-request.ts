import { checkToolPairs, readMessage, type OpenAiMessage } from './openai-messages.ts';
import { isJsonArray, isJsonObject, RequestRefused, type JsonObject, type ModelRequest } from './request.ts';
import type { TurnMessage, TurnTool, TurnToolResult } from './script.ts';

/** Every top-level argument that Chat Completions knows; any other is a 400, as at the real API. */
const KNOWN_ARGUMENTS = new Set(
  (
    'audio frequency_penalty function_call functions logit_bias logprobs max_completion_tokens max_tokens messages metadata ' +
    'modalities model moderation n parallel_tool_calls prediction presence_penalty prompt_cache_key prompt_cache_options prompt_cache_retention ' +
    'reasoning_effort response_format safety_identifier seed service_tier stop store stream stream_options temperature ' +
    'tool_choice tools top_logprobs top_p user verbosity web_search_options'
  ).split(' '),
);

/**
 * Reads the body of `POST /v1/chat/completions`.
 *
 * @throws RequestRefused (400) with the wording of the real API where it is known
 */
export function readOpenAiRequest(body: unknown): ModelRequest {
  if (!isJsonObject(body))
    throw new RequestRefused('We could not parse the JSON body of your request: it must be an object.');
  checkArguments(body);
  const wire = readMessages(body['messages']);
  checkToolPairs(wire);
  const { tools, preamble } = readTools(body['tools']);
  const fromOperator = wire.filter(({ role }) => role === 'system' || role === 'developer');
  return {
    protocol: 'openai',
    model: String(body['model']),
    system: fromOperator.map(({ text }) => text).join('\n\n'),
    messages: toTurnMessages(wire),
    tools,
    mayCall: tools.length > 0 && body['tool_choice'] !== 'none',
    maxOutputTokens: readMaxTokens(body),
    preamble,
    messageTexts: wire.map(textForCounting),
  };
}

function checkArguments(body: JsonObject): void {
  const unknown = Object.keys(body).find((name) => !KNOWN_ARGUMENTS.has(name));
  if (unknown !== undefined) throw new RequestRefused(`Unrecognized request argument supplied: ${unknown}`);
  if (typeof body['model'] !== 'string' || body['model'] === '')
    throw new RequestRefused('you must provide a model parameter');
  if (body['stream'] === true) {
    throw new RequestRefused('The scripted endpoint does not stream: leave out stream.', { param: 'stream' });
  }
  if (body['n'] !== undefined && body['n'] !== 1) {
    throw new RequestRefused('The scripted endpoint gives one choice: n must be 1.', { param: 'n' });
  }
  const hasTools = body['tools'] !== undefined;
  for (const param of ['tool_choice', 'parallel_tool_calls']) {
    if (body[param] === undefined || hasTools) continue;
    throw new RequestRefused(`Invalid value for '${param}': '${param}' is only allowed when 'tools' are specified.`, {
      param,
    });
  }
  const temperature = body['temperature'] ?? 1;
  if (typeof temperature !== 'number' || !(temperature >= 0 && temperature <= 2)) {
    throw new RequestRefused(`Invalid 'temperature': expected a number from 0 to 2.`, { param: 'temperature' });
  }
}

function readMaxTokens(body: JsonObject): number | undefined {
  const given = ['max_completion_tokens', 'max_tokens'].filter((name) => (body[name] ?? null) !== null);
  const [param] = given;
  if (param === undefined) return undefined;
  if (given.length > 1) {
    throw new RequestRefused(`Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.`, {
      param,
    });
  }
  const value = body[param];
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 1) {
    throw new RequestRefused(
      `Invalid '${param}': integer below minimum value. Expected a value >= 1, but got ${JSON.stringify(value)} instead.`,
      {
        param,
        code: 'integer_below_min_value',
      },
    );
  }
  return value;
}

function readMessages(messages: unknown): readonly OpenAiMessage[] {
  if (!isJsonArray(messages)) {
    throw new RequestRefused(`Missing required parameter: 'messages'.`, {
      param: 'messages',
      code: 'missing_required_parameter',
    });
  }
  if (messages.length === 0) {
    throw new RequestRefused(
      `Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array instead.`,
      {
        param: 'messages',
        code: 'empty_array',
      },
    );
  }
  return messages.map(readMessage);
}

function readTools(tools: unknown): { readonly tools: readonly TurnTool[]; readonly preamble: string } {
  if (tools === undefined) return { tools: [], preamble: '' };
  if (!isJsonArray(tools) || tools.length === 0 || tools.length > 128) {
    throw new RequestRefused(`Invalid 'tools': expected an array of 1 to 128 tools.`, { param: 'tools' });
  }
  return { tools: tools.map(readTool), preamble: JSON.stringify(tools) };
}

function readTool(tool: unknown, index: number): TurnTool {
  const declared = isJsonObject(tool) && tool['type'] === 'function' ? tool['function'] : undefined;
  const param = `tools[${index}].function`;
  if (!isJsonObject(declared)) throw new RequestRefused(`Missing required parameter: '${param}'.`, { param });
  const { name, description, parameters } = declared;
  if (typeof name !== 'string' || !/^[a-zA-Z0-9_-]{1,64}$/.test(name)) {
    throw new RequestRefused(
      `Invalid '${param}.name': string does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$', at most 64 long.`,
      { param: `${param}.name`, code: 'invalid_value' },
    );
  }
  if (parameters !== undefined && (!isJsonObject(parameters) || parameters['type'] !== 'object')) {
    throw new RequestRefused(
      `Invalid schema for function '${name}': schema must be a JSON Schema of 'type: "object"'.`,
      {
        param: `${param}.parameters`,
        code: 'invalid_function_parameters',
      },
    );
  }
  return { name, description: typeof description === 'string' ? description : '', inputSchema: parameters ?? {} };
}

function toTurnMessages(wire: readonly OpenAiMessage[]): TurnMessage[] {
  const messages: TurnMessage[] = [];
  for (const { role, text, toolCalls, toolCallId } of wire) {
    if (role === 'system' || role === 'developer') continue;
    if (role !== 'tool') {
      messages.push({ role, text, toolCalls, toolResults: [] });
      continue;
    }
    const result: TurnToolResult = { callId: toolCallId ?? '', text, isError: false };
    const before = messages.at(-1);
    if (before?.role === 'tool')
      messages[messages.length - 1] = { ...before, toolResults: [...before.toolResults, result] };
    else messages.push({ role, text: '', toolCalls: [], toolResults: [result] });
  }
  return messages;
}

function textForCounting({ role, text, toolCalls }: OpenAiMessage): string {
  return [role, text, ...toolCalls.flatMap(({ tool, argumentsText }) => [tool, argumentsText])].join('\n');
}
