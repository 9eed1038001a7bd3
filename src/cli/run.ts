import { CommanderError } from 'commander';
import { EXIT } from './exit-codes.ts';
import { problemOf } from './problem.ts';
import { buildProgram } from './program.ts';
import { escaped } from './text.ts';
import { StdoutClosed, type Terminal } from './terminal.ts';

/** Runs a command line, and says in one place what went wrong. Never throws. @returns the exit code */
export async function run(args: readonly string[], terminal: Terminal): Promise<number> {
  let exitCode: number = EXIT.done;
  const program = buildProgram(terminal, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync(args, { from: 'user' });
    return exitCode;
  } catch (thrown) {
    if (thrown instanceof StdoutClosed) return EXIT.done;
    // Help that was asked for has been shown.
    if (thrown instanceof CommanderError && thrown.exitCode === 0) return EXIT.done;
    // Help that was not: `aegrail` alone shows what there is.
    if (thrown instanceof CommanderError && thrown.code === 'commander.help') return EXIT.usage;
    return report(thrown, terminal, args.includes('--json'));
  } finally {
    terminal.endLive();
  }
}

/** Tells an error on stderr: a line, JSON for programs, and its stack only for who debugs aegrail. @returns the exit code */
export function report(thrown: unknown, terminal: Terminal, json: boolean): number {
  const { code, message, exitCode } = problemOf(thrown);
  // What a user typed, or a server said, stands in the message.
  if (json) terminal.say(escaped(JSON.stringify({ error: { code, message } })));
  else for (const line of escaped(message).split('\n')) terminal.say(`${terminal.errColors.red('aegrail:')} ${line}`);
  if (terminal.env['AEGRAIL_DEBUG'] === '1')
    terminal.say(escaped(thrown instanceof Error ? (thrown.stack ?? '') : String(thrown)));
  return exitCode;
}
