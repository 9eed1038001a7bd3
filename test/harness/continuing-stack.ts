import { inject } from 'vitest';
import { startDevServer } from '../../src/devserver/server.ts';
import { type Stack, type StackOptions, startStack } from './stack.ts';

/**
 * A stack on a server of its own that asks for a new run of a workflow at so many events of its history: Temporal's own number is
 * 4,096. Closing it stops the server.
 */
export async function startContinuingStack(
  suggestedAt: number,
  options: Omit<StackOptions, 'address'>,
): Promise<Stack> {
  const server = await startDevServer({
    binary: inject('temporalBinary'),
    dynamicConfig: { 'limit.historyCount.suggestContinueAsNew': suggestedAt },
  });
  const stack = await startStack({ ...options, address: server.address });
  return {
    ...stack,
    async close() {
      await stack.close();
      await server.stop();
    },
  };
}
