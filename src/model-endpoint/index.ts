/** The scripted model endpoint: what the demo, the examples and the tests use in place of a provider. */

export { billUsdNano, type BilledCall, type TokenPrices, type UnbilledRequest } from './billing.ts';
export { startModelEndpoint, type ModelEndpoint, type ModelEndpointOptions } from './endpoint.ts';
export { byAttempt, loop, route, sequence, type Play, type RouteRule } from './script-helpers.ts';
export type {
  Answer,
  AnswerOptions,
  DelayStep,
  FailStep,
  HangStep,
  ProtocolName,
  RawStep,
  Script,
  ScriptedCall,
  Step,
  TruncateStep,
  Turn,
  TurnMessage,
  TurnTool,
  TurnToolCall,
  TurnToolResult,
} from './script.ts';
export { countTokens, type CountTokens } from './tokens.ts';
