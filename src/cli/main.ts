/* The entry of the program: bin.mjs loads it. */
import { Console } from 'node:console';
import { EXIT } from './exit-codes.ts';
import { registerResolveHook } from './resolve-hook.ts';
import { report, run } from './run.ts';
import { terminalOn } from './terminal.ts';

const args = process.argv.slice(2);
const terminal = terminalOn(process, process.env, process.cwd());
registerResolveHook();
// A user's module that calls console.log must not write into what was asked for.
globalThis.console = new Console(process.stderr, process.stderr);
const fail = (thrown: unknown): void => {
  process.exit(report(thrown, terminal, args.includes('--json')) || EXIT.bad);
};
process.on('uncaughtException', fail);
// A command that serves listens itself: what a tool rejects late must not end the sessions of others.
process.on('unhandledRejection', (thrown) => {
  if (process.listenerCount('unhandledRejection') === 1) fail(thrown);
});

const exitCode = await run(args, terminal);
// What a user's module left open, a timer or a pool, must not keep a command that is done.
process.exit(exitCode);
