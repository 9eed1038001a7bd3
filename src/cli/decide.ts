import type { Command } from 'commander';
import { messageOf } from '../core/errors.ts';
import { readConfig } from './config.ts';
import type { DecideAnswer } from './decider.ts';
import { EXIT } from './exit-codes.ts';
import { type InputLine, inputLines } from './input-lines.ts';
import type { Invocation } from './invocation.ts';
import { withConfig, withExample, withJson } from './options.ts';

interface Options {
  readonly config?: string;
}

/** Adds `aegrail decide`. */
export function addDecide(program: Command, invocation: Invocation): void {
  const command = program
    .command('decide')
    .summary('say what the contract allows, without a server: JSON lines in, JSON lines out')
    .description(
      'say what the contract allows: reads requests {agent, user, tool, args} as JSON lines on stdin, answers each with a line, in order. ' +
        'Each is judged as the first call of a fresh session; of one that people are asked for, approval says why. No server is needed. A line that is no request is answered {"error":…}, and the exit code is 2 at the end',
    )
    .action((options: Options) => decideAll(options, invocation));
  withConfig(command);
  withJson(command, 'JSON lines, as without it,');
  withExample(
    command,
    `echo '{"agent":"support-bot","user":"ann@acme.com","tool":"refund","args":{"amount":500}}' | aegrail decide`,
  );
}

async function decideAll(options: Options, { terminal, endWith }: Invocation): Promise<void> {
  const [{ createDecider }, { contractsOf }, { predicatesOf }] = await Promise.all([
    import('./decider.ts'),
    import('./resolved.ts'),
    import('./predicates.ts'),
  ]);
  const config = await readConfig(options.config, terminal.cwd);
  const decideOne = createDecider(await contractsOf(config, terminal), await predicatesOf(config));
  let number = 0;
  for await (const input of inputLines(process.stdin)) {
    number += 1;
    if ('text' in input && input.text.trim() === '') continue;
    const answer = answerTo(input, decideOne);
    if ('error' in answer) endWith(EXIT.usage);
    await terminal.line(
      JSON.stringify('error' in answer ? { error: { line: number, message: answer.error } } : answer),
    );
  }
}

function answerTo(
  input: InputLine,
  decideOne: (line: string, nowMs: number) => DecideAnswer,
): DecideAnswer | { readonly error: string } {
  if ('problem' in input) return { error: input.problem };
  try {
    return decideOne(input.text, Date.now());
  } catch (thrown) {
    return { error: messageOf(thrown) };
  }
}
