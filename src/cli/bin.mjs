#!/usr/bin/env node
// @ts-check
/*
 * The program `aegrail`. Plain JavaScript that any Node reads: it finds a Node that is new enough, and the code: the
 * sources of a checkout, which Node runs as they are, or the dist of the published package.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import * as module from 'node:module';
import { constants, homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The oldest Node that strips types without a flag, as `engines` in package.json says. */
const oldest = [22, 18];

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
const isNewEnough = major > oldest[0] || (major === oldest[0] && minor >= oldest[1]);

if (isNewEnough) {
  // What was compiled, and stripped of types, is kept: a command starts in half the time. It never fails. Not in the system's
  // folder for temporary files, which is Node's default: what others may write there must not run here.
  const cache =
    process.env.AEGRAIL_CACHE_DIR || join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'aegrail');
  module.enableCompileCache?.(join(cache, 'compiled'));
  await import(mainModule());
} else {
  runOnNewerNode();
}

/** The published package has no tsconfig.json; under node_modules Node would refuse to strip types. */
function mainModule() {
  const isCheckout =
    existsSync(new URL('../../tsconfig.json', import.meta.url)) && !import.meta.url.includes('/node_modules/');
  return new URL(isCheckout ? 'main.ts' : '../../dist/src/cli/main.js', import.meta.url).href;
}

/** Becomes, as far as a parent can, the same command on the Node that the npm package `node` brought. */
function runOnNewerNode() {
  const node = fileURLToPath(new URL('../../node_modules/node/bin/node', import.meta.url));
  const need = `aegrail needs Node ${oldest.join('.')} or newer, and this is ${process.versions.node}`;
  if (!existsSync(node)) {
    process.stderr.write(`${need}: install a newer Node\n`);
    process.exit(2);
  }
  const child = spawn(node, process.argv.slice(1), { stdio: 'inherit' });
  // A terminal sends Ctrl-C to both. The child takes two signals at once for one.
  for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']))
    process.on(signal, () => child.kill(signal));
  child.on('error', (error) => {
    process.stderr.write(`${need}; ${node} does not run: ${error.message}\n`);
    process.exit(2);
  });
  child.on('close', (code, signal) => process.exit(code ?? 128 + (signal === null ? 0 : constants.signals[signal])));
}
