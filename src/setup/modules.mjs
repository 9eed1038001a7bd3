// @ts-check
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { runChild } from './child.mjs';
import { withLock } from './lock.mjs';
import { SetupError } from './setup-error.mjs';

/*
 * Node modules. They fit when a stamp in node_modules holds the sum of the lockfile that they were installed from. Without
 * the stamp (someone ran npm by hand) npm's own list of what it installed is compared with the lockfile, and stamped.
 */

/**
 * Makes node_modules fit package-lock.json, with `npm ci` where they don't. One process at a time.
 * @param {string} root the checkout
 * @param {(line: string) => void} say
 */
export async function ensureModules(root, say) {
  if (modulesFit(root)) return;
  const onWait = (/** @type {number} */ pid) => say(`waiting for process ${pid}, which is installing node modules`);
  await withLock(join(root, '.aegrail', 'npm-ci.lock'), onWait, async () => {
    if (modulesFit(root)) return; // the process that we waited for did it
    say('installing node modules with `npm ci` (about a minute, once)');
    await npmCi(root);
    mkdirSync(join(root, 'node_modules'), { recursive: true }); // npm makes none where nothing is to be installed
    writeFileSync(stampPath(root), stampOf(root));
  });
}

/** @param {string} root */
function modulesFit(root) {
  const stamp = stampOf(root);
  try {
    if (readFileSync(stampPath(root), 'utf8') === stamp) return true;
  } catch {
    // no stamp yet
  }
  if (!installedFits(root)) return false;
  writeFileSync(stampPath(root), stamp);
  return true;
}

/** The lockfile's sum, and the machine: modules hold binaries. @param {string} root */
function stampOf(root) {
  const lockfile = readFileSync(join(root, 'package-lock.json'));
  return `${createHash('sha256').update(lockfile).digest('hex')} ${process.platform} ${process.arch}\n`;
}

/** @param {string} root */
function stampPath(root) {
  return join(root, 'node_modules', '.aegrail-setup');
}

/**
 * Whether npm's list of what is installed has every package of the lockfile. Optional ones may be missing, as most are for other
 * machines; one that is there and not for this machine shows that the modules were copied from another.
 * @param {string} root
 */
function installedFits(root) {
  const listPath = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(listPath)) return false;
  const installed = packagesOf(listPath);
  return Object.entries(packagesOf(join(root, 'package-lock.json'))).every(([path, wanted]) => {
    if (path === '') return true;
    const there = installed[path];
    if (there === undefined) return wanted.optional === true;
    return there.version === wanted.version && isFor(there.os, process.platform) && isFor(there.cpu, process.arch);
  });
}

/** npm's os and cpu fields name what a package is for, or with a "!" what it is not for. @param {string[] | undefined} list @param {string} mine */
function isFor(list, mine) {
  if (list === undefined || list.includes(mine)) return true;
  return list.every((one) => one.startsWith('!')) && !list.includes(`!${mine}`);
}

/** @param {string} path @returns {Record<string, { version?: string, optional?: boolean, os?: string[], cpu?: string[] }>} */
function packagesOf(path) {
  return JSON.parse(readFileSync(path, 'utf8')).packages ?? {};
}

/** @param {string} root */
async function npmCi(root) {
  // Under `npm run` this is the npm that the user started; yarn and pnpm set it too, and can't do `ci`.
  const running = process.env['npm_execpath'] ?? '';
  const isNpm = basename(running) === 'npm-cli.js' && existsSync(running);
  const [file, first] = isNpm ? [process.execPath, [running]] : ['npm', []];
  // --include=dev: NODE_ENV=production would leave half out. stdout is for what was asked for, so npm's goes to stderr.
  // --loglevel=error: on an older Node every other package warns, and the scripts run on Node 24 in the end.
  const args = [...first, 'ci', '--include=dev', '--no-audit', '--no-fund', '--loglevel=error'];
  const code = await runChild(file, args, { cwd: root, stdio: ['ignore', 2, 2] }).catch((error) => {
    throw new SetupError(`npm can't be started (${error.message}): install Node with npm, and run the command again`);
  });
  if (code === 0) return;
  throw new SetupError(
    `\`npm ci\` ended with code ${code}; its own words are above. Run it by hand in ${root} until it works, then this again`,
  );
}
