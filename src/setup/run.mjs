// @ts-check
/*
 * node src/setup/run.mjs [--binaries] SCRIPT [arguments…]
 *
 * Runs a script of this checkout on a machine where nothing is set up: installs node modules, finds Node 24, with --binaries
 * fetches Temporal's servers, and then becomes the script as far as a parent can: its streams, signals and exit code.
 * Plain JavaScript without dependencies, because it has to run on Node 18 in an empty checkout.
 */
import { delimiter, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runChild } from './child.mjs';
import { ensureModules } from './modules.mjs';
import { chooseNode } from './node.mjs';
import { SetupError } from './setup-error.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** @param {string} line */
function say(line) {
  process.stderr.write(`set-up: ${line}\n`);
}

/** @param {string[]} args @returns {Promise<number>} the exit code */
async function main(args) {
  const wantsBinaries = args[0] === '--binaries';
  const [script, ...rest] = wantsBinaries ? args.slice(1) : args;
  if (script === undefined || script.startsWith('-')) {
    say('usage: node src/setup/run.mjs [--binaries] SCRIPT [arguments…]');
    return 2;
  }
  await ensureModules(root, say);
  const node = chooseNode(root);
  if (wantsBinaries) {
    const code = await run(node, [join(root, 'src', 'setup', 'binaries.ts')]);
    if (code !== 0) return code;
  }
  return run(node, [resolve(script), ...rest]);
}

/** Runs Node with our streams and with the checkout's programs on PATH. @param {string} node @param {string[]} args */
function run(node, args) {
  const bin = join(root, 'node_modules', '.bin');
  const PATH = [bin, process.env['PATH']].filter(Boolean).join(delimiter);
  return runChild(node, args, { stdio: 'inherit', env: { ...process.env, PATH } });
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof SetupError)) throw error;
  say(error.message);
  process.exitCode = 1;
}
