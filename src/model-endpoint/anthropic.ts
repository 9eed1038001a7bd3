import { readAnthropicRequest } from './anthropic-request.ts';
import type { ComposedCall } from './answer.ts';
import { mergeUsage, numberedId, type Protocol, type WireAnswer } from './protocol.ts';
import { RequestRefused } from './request.ts';

const ERROR_TYPES: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  402: 'billing_error',
  403: 'permission_error',
  404: 'not_found_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  504: 'timeout_error',
  529: 'overloaded_error',
};

/** Anthropic Messages, not streaming: https://docs.claude.com/en/api/messages */
export const anthropicProtocol: Protocol = {
  name: 'anthropic',
  checkHeaders(headers, requireKey) {
    const hasKey = (headers['x-api-key'] ?? '') !== '' || /^Bearer \S/.test(headers['authorization'] ?? '');
    if (requireKey && !hasKey) {
      throw new RequestRefused('x-api-key header is required', { status: 401, type: 'authentication_error' });
    }
    if ((headers['anthropic-version'] ?? '') === '') throw new RequestRefused('anthropic-version: header is required');
  },
  readRequest: readAnthropicRequest,
  writeAnswer,
  writeError: ({ message, type }, requestNumber) => ({
    type: 'error',
    error: { type, message },
    request_id: numberedId('req_', requestNumber),
  }),
  errorType: (status) => ERROR_TYPES[status] ?? (status >= 500 ? 'api_error' : 'invalid_request_error'),
  listModels: (models) => ({
    data: models.map((id) => ({ type: 'model', id, display_name: id, created_at: '1970-01-01T00:00:00Z' })),
    has_more: false,
    first_id: models[0] ?? null,
    last_id: models.at(-1) ?? null,
  }),
  requestIdHeader: (requestNumber) => ['request-id', numberedId('req_', requestNumber)],
};

function writeAnswer(answer: WireAnswer): Readonly<Record<string, unknown>> {
  const { composed, options, requestNumber } = answer;
  const calls = composed.calls.map((call, index) => ({
    type: 'tool_use',
    id: call.id ?? numberedId('toolu_', requestNumber) + `_${index}`,
    name: call.tool,
    input: inputOf(call),
  }));
  const stopReason = composed.cut ? 'max_tokens' : calls.length > 0 ? 'tool_use' : 'end_turn';
  return {
    id: numberedId('msg_', requestNumber),
    type: 'message',
    role: 'assistant',
    model: options.modelReported ?? answer.model,
    content: [...(composed.text === '' ? [] : [{ type: 'text', text: composed.text }]), ...calls],
    stop_reason: options.finishReason ?? stopReason,
    stop_sequence: null,
    ...mergeUsage(honestUsage(answer), options),
  };
}

/** The three kinds of input are disjoint and add up; thinking is inside output_tokens. */
function honestUsage({ composed, options, inputTokens, cachedTokens }: WireAnswer): Readonly<Record<string, unknown>> {
  return {
    input_tokens: inputTokens - cachedTokens,
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: cachedTokens,
    cache_creation: { ephemeral_5m_input_tokens: 0, ephemeral_1h_input_tokens: 0 },
    output_tokens: composed.outputTokens,
    ...(composed.reasoningTokens > 0 && { output_tokens_details: { thinking_tokens: composed.reasoningTokens } }),
    service_tier: options.serviceTier ?? 'standard',
  };
}

/** Input is an object on this wire, not text: what the cap cut becomes an empty one, what is no JSON stays the string that it is. */
function inputOf(call: ComposedCall): unknown {
  if (call.cut) return {};
  try {
    return JSON.parse(call.argumentsText);
  } catch {
    return call.argumentsText;
  }
}
