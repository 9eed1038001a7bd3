import type { Script, Step, Turn } from './script.ts';

/** Where a step can stand, a script can stand too: it is asked when its turn comes. */
export type Play = Step | Script;

/** When a rule of `route` applies. All the given ones must match; a string matches where it is contained. */
export interface RouteRule {
  readonly model?: string | RegExp;
  readonly system?: string | RegExp;
  /** Matched against the text of the user's last message. */
  readonly user?: string | RegExp;
  readonly play: Play;
}

/**
 * Plays the nth step in the nth turn of a conversation (as counted by the assistant's messages in it), `after` from then on.
 *
 * @throws Error in the turn after the last step when `after` is left out; the endpoint answers 400 with its message
 */
export function sequence(steps: readonly Play[], options: { readonly after?: Play } = {}): Script {
  return (turn) => {
    const play = steps[turn.index] ?? options.after;
    if (play === undefined) {
      throw new Error(`the sequence has ${steps.length} steps and was asked for turn ${turn.index}: give it { after }`);
    }
    return perform(play, turn);
  };
}

/**
 * Plays the nth step in the nth attempt at the same conversation, the last one from then on: a failure, then an answer.
 *
 * @throws RangeError when there is no step
 */
export function byAttempt(steps: readonly Play[]): Script {
  const last = steps.at(-1);
  if (last === undefined) throw new RangeError('byAttempt needs at least one step');
  return (turn) => perform(steps[turn.attempt] ?? last, turn);
}

/**
 * Plays the first rule that matches: one endpoint, several agents.
 *
 * @throws Error when no rule matches; the endpoint answers 400 with its message. End with `{ play }` to have a default
 */
export function route(rules: readonly RouteRule[]): Script {
  return (turn) => {
    const rule = rules.find(
      ({ model, system, user }) =>
        matches(model, turn.model) && matches(system, turn.system) && matches(user, turn.lastUserText),
    );
    if (rule === undefined) {
      throw new Error(`no rule matches model ${JSON.stringify(turn.model)}, user ${JSON.stringify(turn.lastUserText)}`);
    }
    return perform(rule.play, turn);
  };
}

/** Does the same in every turn, for ever: an agent that never stops by itself. */
export function loop(step: Step): Script {
  return () => step;
}

function perform(play: Play, turn: Turn): Step | Promise<Step> {
  return typeof play === 'function' ? play(turn) : play;
}

function matches(pattern: string | RegExp | undefined, text: string): boolean {
  if (pattern === undefined) return true;
  // `search` does not move lastIndex, as `test` does for a global expression.
  return typeof pattern === 'string' ? text.includes(pattern) : text.search(pattern) !== -1;
}
