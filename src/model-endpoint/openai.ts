import { readOpenAiRequest } from './openai-request.ts';
import { mergeUsage, numberedId, type Protocol, type WireAnswer } from './protocol.ts';
import { RequestRefused } from './request.ts';

/** OpenAI Chat Completions, not streaming: https://platform.openai.com/docs/api-reference/chat */
export const openAiProtocol: Protocol = {
  name: 'openai',
  checkHeaders(headers, requireKey) {
    if (!requireKey || /^Bearer \S/.test(headers['authorization'] ?? '')) return;
    throw new RequestRefused(
      "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY).",
      { status: 401 },
    );
  },
  readRequest: readOpenAiRequest,
  writeAnswer,
  writeError: ({ message, type, param, code }) => ({ error: { message, type, param, code } }),
  errorType,
  listModels: (models) => ({
    object: 'list',
    data: models.map((id) => ({ id, object: 'model', created: 0, owned_by: 'scripted' })),
  }),
  requestIdHeader: (requestNumber) => ['x-request-id', numberedId('req_', requestNumber)],
};

function writeAnswer(answer: WireAnswer): Readonly<Record<string, unknown>> {
  const { composed, options, requestNumber } = answer;
  const calls = composed.calls.map((call, index) => ({
    id: call.id ?? numberedId('call_', requestNumber) + `_${index}`,
    type: 'function',
    function: { name: call.tool, arguments: call.argumentsText },
  }));
  const finishReason = composed.cut ? 'length' : calls.length > 0 ? 'tool_calls' : 'stop';
  return {
    id: numberedId('chatcmpl-', requestNumber),
    object: 'chat.completion',
    created: answer.createdSeconds,
    model: options.modelReported ?? answer.model,
    choices: [
      {
        index: 0,
        message: {
          role: 'assistant',
          content: calls.length > 0 && composed.text === '' ? null : composed.text,
          ...(calls.length > 0 && { tool_calls: calls }),
          refusal: null,
          annotations: [],
        },
        logprobs: null,
        finish_reason: options.finishReason ?? finishReason,
      },
    ],
    ...mergeUsage(honestUsage(answer), options),
    service_tier: options.serviceTier ?? 'default',
    system_fingerprint: null,
  };
}

/** What was read from the cache is inside prompt_tokens, and reasoning is inside completion_tokens. */
function honestUsage({ composed, inputTokens, cachedTokens }: WireAnswer): Readonly<Record<string, unknown>> {
  return {
    prompt_tokens: inputTokens,
    completion_tokens: composed.outputTokens,
    total_tokens: inputTokens + composed.outputTokens,
    prompt_tokens_details: { cached_tokens: cachedTokens, audio_tokens: 0 },
    completion_tokens_details: {
      reasoning_tokens: composed.reasoningTokens,
      audio_tokens: 0,
      accepted_prediction_tokens: 0,
      rejected_prediction_tokens: 0,
    },
  };
}

function errorType(status: number): string {
  if (status === 429) return 'requests';
  return status >= 500 ? 'server_error' : 'invalid_request_error';
}
