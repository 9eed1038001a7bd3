import { expect, onTestFinished, test } from 'vitest';
import { connectMcp } from '../../src/tools/mcp/connection.ts';
import { resolveServer } from '../../src/tools/mcp/server-config.ts';
import { createSlot, type Lease } from '../../src/tools/mcp/slot.ts';
import { capture, fixture, isAlive, ROOT } from './pool-kit.ts';

test('a discarded connection is closed when its last user is done, and the next one is new', async () => {
  const { logger } = capture();
  const server = resolveServer('shop', fixture(), process.env, ROOT);
  const slot = createSlot(() =>
    connectMcp(server, { logger, clientInfo: { name: 'test', version: '0' }, connectTimeoutMs: 10_000 }),
  );
  onTestFinished(() => slot.close());
  const [first, second] = await Promise.all([slot.lease(), slot.lease()]);
  const pid = await pidOf(first);
  expect(await pidOf(second)).toBe(pid);
  first.discard();
  first.release();
  first.release();
  expect(await pidOf(second)).toBe(pid);
  const third = await slot.lease();
  expect(await pidOf(third)).not.toBe(pid);
  third.release();
  second.release();
  await expect.poll(() => isAlive(pid), { interval: 20 }).toBe(false);
});

async function pidOf(lease: Lease): Promise<number> {
  const { content } = await lease.connection.client.callTool({ name: 'pid' });
  return content[0]?.type === 'text' ? Number(content[0].text) : Number.NaN;
}
