import type { StartInput } from '../../src/core/start-input.ts';
import type { SessionResult } from '../../src/protocol.ts';
import { endSession } from '../../workflows/end.ts';
import { toolTurn } from '../../workflows/tool-turn.ts';
import { openBenchSession } from './open.ts';

/**
 * A session that makes as many tool calls as its input says, one after the other, and asks no model. Named like the real
 * one, because the worker's second line lets no other workflow in.
 */
export async function agentSession(input: StartInput): Promise<SessionResult> {
  const { guard, runner, desk } = await openBenchSession(input);
  const calls = Number(input.input);
  for (let index = 0; index < calls; index++) {
    const asked = { id: `call_${index}`, tool: 'lookup_order', args: { id: `order_${index}` }, problem: null };
    await toolTurn(guard, runner, [asked], null);
  }
  return endSession(guard, runner, { kind: 'answered', answer: '' }, desk);
}
