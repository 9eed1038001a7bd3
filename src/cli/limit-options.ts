import type { Command } from 'commander';
import type { LimitsInput } from '../core/start-input.ts';
import { decimal } from './options.ts';

/** Adds the five limits of a session. @param verb what they do: `lower the limit of` */
export function withLimits(command: Command, verb: string): Command {
  return command
    .option('--usd <number>', `${verb} USD`, decimal)
    .option('--tokens <number>', `${verb} tokens`, decimal)
    .option('--wall-seconds <number>', `${verb} seconds of wall clock`, decimal)
    .option('--max-tool-calls <number>', `${verb} tool calls`, decimal)
    .option('--max-recursion-depth <number>', `${verb} the depth of sub-agents`, decimal);
}

/** The limits that were given; undefined when none was. */
export function limitsOf(options: LimitsInput): LimitsInput | undefined {
  const { usd, tokens, wallSeconds, maxToolCalls, maxRecursionDepth } = options;
  const given = Object.entries({ usd, tokens, wallSeconds, maxToolCalls, maxRecursionDepth }).filter(
    ([, value]) => value !== undefined,
  );
  return given.length === 0 ? undefined : (Object.fromEntries(given) as LimitsInput);
}
