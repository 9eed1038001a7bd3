// @ts-check
import { spawn } from 'node:child_process';
import { constants } from 'node:os';

/**
 * Runs a program to its end, passing on the signals that would end us.
 * @param {string} file
 * @param {string[]} args
 * @param {import('node:child_process').SpawnOptions} options
 * @returns {Promise<number>} its exit code, or 128 + the signal that ended it; rejects when it can't be started
 */
export function runChild(file, args, options) {
  const child = spawn(file, args, options);
  const stopForwarding = forwardSignals(child);
  return new Promise((done, fail) => {
    child.on('error', (error) => {
      stopForwarding();
      fail(error);
    });
    child.on('close', (code, signal) => {
      stopForwarding();
      done(code ?? 128 + (signal === null ? 0 : constants.signals[signal]));
    });
  });
}

/**
 * Passes on SIGINT and SIGTERM, each once: npm repeats what the terminal has sent, and programs take the second as "now!".
 * Ctrl-C in a terminal goes to the whole process group, so there the child has it already.
 * @param {import('node:child_process').ChildProcess} child
 * @returns {() => void} ends it
 */
function forwardSignals(child) {
  /** @type {Set<NodeJS.Signals>} */
  const seen = new Set();
  const pass = (/** @type {NodeJS.Signals} */ signal) => {
    const fromTerminal = signal === 'SIGINT' && process.stdin.isTTY;
    if (!fromTerminal && !seen.has(signal)) child.kill(signal);
    seen.add(signal);
  };
  process.on('SIGINT', pass);
  process.on('SIGTERM', pass);
  return () => {
    process.off('SIGINT', pass);
    process.off('SIGTERM', pass);
  };
}
