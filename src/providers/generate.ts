import type { LanguageModelV4, LanguageModelV4CallOptions, LanguageModelV4GenerateResult } from '@ai-sdk/provider';
import type { Contract } from '../core/contract.ts';
import type { Message } from './message.ts';
import { promptOf, toolsOf } from './prompt.ts';

/** One request of a model. */
export interface GenerateRequest {
  readonly contract: Contract;
  readonly messages: readonly Message[];
  readonly maxOutputTokens: number;
  /** False: it may call no tool. They are declared all the same: Anthropic takes no conversation with calls without. */
  readonly mayCall: boolean;
  readonly signal: AbortSignal;
}

/** A tool call as the model wrote it: its arguments are text that may not be JSON. */
export interface WrittenCall {
  readonly id: string;
  readonly tool: string;
  readonly json: string;
}

/** What a model answered. */
export interface Generated {
  readonly text: string;
  readonly calls: readonly WrittenCall[];
  readonly finishReason: string;
  /** The response's JSON, from which usage is read: the provider packages leave parts of it out. */
  readonly body: unknown;
}

/** Calls a model once. Throws what the provider package throws: classifyProviderError reads it. */
export async function generate(model: LanguageModelV4, request: GenerateRequest): Promise<Generated> {
  const { contract, messages, maxOutputTokens, mayCall, signal } = request;
  const tools = toolsOf(contract);
  const options: LanguageModelV4CallOptions = {
    prompt: promptOf(contract.instructions, messages, contract.model.protocol),
    maxOutputTokens,
    abortSignal: signal,
    // The prices of the contract are those of the standard tier: never a dearer one by a project's default.
    ...(contract.model.protocol === 'openai' ? { providerOptions: { openai: { serviceTier: 'default' } } } : {}),
    ...(tools.length === 0 ? {} : { tools }),
    ...(tools.length === 0 || mayCall ? {} : { toolChoice: { type: 'none' } }),
  };
  return read(await model.doGenerate(options));
}

function read({ content, finishReason, response }: LanguageModelV4GenerateResult): Generated {
  const texts: string[] = [];
  const calls: WrittenCall[] = [];
  for (const part of content) {
    if (part.type === 'text') texts.push(part.text);
    if (part.type === 'tool-call') calls.push({ id: part.toolCallId, tool: part.toolName, json: part.input });
  }
  return { text: texts.join(''), calls, finishReason: finishReason.raw ?? finishReason.unified, body: response?.body };
}
