import type { Script, ScriptedCall, Turn } from '../../src/model-endpoint/index.ts';
import { seeded } from './random.ts';

/**
 * What the user says to the scripted model: `work ID TURNS TOOLS`. It calls tools in so many turns, one to three at once,
 * of those that are listed, each with an id of its own; then it answers `done ID`. What it does is a function of the request alone, so
 * that a model that is asked again says the same again.
 */
export interface Work {
  readonly id: string;
  readonly turns: number;
  readonly tools: readonly string[];
}

/** A piece of work as text for the model. */
export function workText({ id, turns, tools }: Work): string {
  return `work ${id} ${turns} ${tools.join(',')}`;
}

const ONES = ['once', 'again'];

/** The scripted model of all agents. */
export const chaosScript: Script = (turn) => {
  const [, id = '', turns = '0', tools = ''] = turn.lastUserText.split(' ');
  const nth = turnsSinceUser(turn);
  const random = seeded(hashOf(`${id}:${nth}`));
  const delayMs = random.whole(0, 150);
  if (nth >= Number(turns)) return { delayMs, next: { say: `done ${id}` } };
  const names = tools.split(',');
  const call: ScriptedCall[] = Array.from({ length: random.whole(1, 3) }, (_, index) => {
    const tool = random.pick(names);
    const part = `${id}/${nth}/${index}`;
    const ms = random.whole(0, 400);
    // Another agent is given a piece of work of its own.
    return {
      tool,
      args: tool === 'helper' ? { task: workText({ id: part, turns: 2, tools: ONES }) } : { id: part, ms },
    };
  });
  return { delayMs, next: { call } };
};

/** How often the model has spoken since the user did. */
function turnsSinceUser({ messages }: Turn): number {
  const from = messages.findLastIndex(({ role }) => role === 'user');
  return messages.slice(from + 1).filter(({ role }) => role === 'assistant').length;
}

function hashOf(text: string): number {
  let hash = 0;
  for (const char of text) hash = (Math.imul(hash, 31) + (char.codePointAt(0) ?? 0)) | 0;
  return hash;
}
