import type { LanguageModelV4FunctionTool, LanguageModelV4Prompt } from '@ai-sdk/provider';
import type { Contract, Protocol } from '../core/contract.ts';
import { utf8Bytes } from '../core/values.ts';
import type { Message } from './message.ts';

/** Tokens that a provider may add around the declaration of one tool. */
const TOOL_OVERHEAD_TOKENS = 32;

/** A conversation in the form of the AI SDK's provider packages. */
export function promptOf(
  instructions: string,
  messages: readonly Message[],
  protocol: Protocol,
): LanguageModelV4Prompt {
  const system: LanguageModelV4Prompt = instructions === '' ? [] : [{ role: 'system', content: instructions }];
  return [...system, ...messages.map((message) => partOf(message, protocol))];
}

function partOf(message: Message, protocol: Protocol): LanguageModelV4Prompt[number] {
  switch (message.role) {
    case 'user':
      return { role: 'user', content: [{ type: 'text', text: message.text }] };
    case 'assistant': {
      const text = message.text === '' ? [] : [{ type: 'text' as const, text: message.text }];
      const uses = message.uses.map(({ id, tool, args }) => ({
        type: 'tool-call' as const,
        toolCallId: id,
        toolName: tool,
        input: args,
      }));
      return { role: 'assistant', content: [...text, ...uses] };
    }
    case 'tool': {
      const { callId, tool, text, isError } = message;
      // OpenAI's wire has no error flag: there the SDK would wrap the text in JSON, and its bytes would no longer bound it.
      const type = isError && protocol === 'anthropic' ? 'error-text' : 'text';
      return {
        role: 'tool',
        content: [{ type: 'tool-result', toolCallId: callId, toolName: tool, output: { type, value: text } }],
      };
    }
  }
}

/** The tools of a contract, as a model is told of them. */
export function toolsOf(contract: Pick<Contract, 'tools'>): LanguageModelV4FunctionTool[] {
  return Object.entries(contract.tools).map(([name, { description, inputSchema }]) => ({
    type: 'function',
    name,
    description,
    inputSchema,
  }));
}

/** Bytes of instructions and tool declarations: with every request, and counted by the provider from the first on. */
export function promptBytes(contract: Pick<Contract, 'tools' | 'instructions'>): number {
  const tools = toolsOf(contract);
  const declared = tools.length === 0 ? 0 : utf8Bytes(JSON.stringify(tools)) + tools.length * TOOL_OVERHEAD_TOKENS;
  return utf8Bytes(contract.instructions) + declared;
}
