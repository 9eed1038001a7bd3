import { temporalProvider } from '@temporalio/ai-sdk/workflow';
import { proxyActivities } from '@temporalio/workflow';
import { isStepCount, generateText, jsonSchema, tool } from 'ai';

interface Pages {
  readPage(args: { readonly page: number }): Promise<string>;
}

const { readPage } = proxyActivities<Pages>({ startToCloseTimeout: 60_000, retry: { maximumAttempts: 1 } });

/** The conversation of bench/history.ts the way Temporal's AI SDK integration has it: one `generateText` with a tool. */
export async function aiSdkTurns(turns: number): Promise<string> {
  const { text } = await generateText({
    model: temporalProvider.languageModel('gpt-5.4-mini'),
    system: 'You help customers of a shop.',
    prompt: 'Read all pages.',
    tools: {
      read_page: tool({
        description: 'Reads a page of two kilobytes.',
        inputSchema: jsonSchema<{ page: number }>({
          type: 'object',
          properties: { page: { type: 'integer' } },
          required: ['page'],
        }),
        execute: (args) => readPage(args),
      }),
    },
    stopWhen: isStepCount(turns + 1),
  });
  return text;
}
