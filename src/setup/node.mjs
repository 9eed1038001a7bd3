// @ts-check
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { SetupError } from './setup-error.mjs';

/** Node 24 runs our TypeScript as it is. */
export const neededMajor = 24;

/**
 * A Node that is new enough: the running one, or the one that the npm package `node` brought.
 * @param {string} root the checkout
 * @param {string} running the version of the running Node
 * @returns {string} path of the executable
 */
export function chooseNode(root, running = process.versions.node) {
  if (Number(running.split('.')[0]) >= neededMajor) return process.execPath;
  const path = join(root, 'node_modules', 'node', 'bin', 'node');
  const way = `install Node ${neededMajor} or newer, or let npm run that package's install script: \`npm rebuild node --ignore-scripts=false\``;
  if (!existsSync(path)) {
    throw new SetupError(
      `this is Node ${running} and ${neededMajor} is needed, but the npm package \`node\` has no binary, which happens when install scripts are blocked. Either ${way}`,
    );
  }
  const answer = spawnSync(path, ['--version'], { encoding: 'utf8', timeout: 10_000 });
  if (answer.status !== 0) {
    throw new SetupError(
      `this is Node ${running}, ${neededMajor} is needed, and ${path} does not run (${answer.error?.message ?? answer.stderr.trim()}). Either ${way}`,
    );
  }
  return path;
}
