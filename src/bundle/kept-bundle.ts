import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type BundleOptions, bundleWorkflows } from './bundle.ts';
import { workflowFile } from './workflow-file.ts';

/** Packages whose code is in a bundle, or makes it. */
const PACKAGES = [
  '@temporalio/worker',
  '@temporalio/workflow',
  '@temporalio/common',
  '@marcbachmann/cel-js',
  '@cfworker/json-schema',
];
/** Bundles that are kept, the last used ones. */
const KEPT = 8;

/**
 * {@link bundleWorkflows} without predicates, from a folder where it was kept when the same code was bundled before: bundling
 * takes seconds. What can't be read or kept is bundled anew: a cache never stops anybody.
 *
 * @param folder made when it is not there; one that others may write to is not read, for what is in it runs
 */
export async function keptBundle(
  folder: string,
  options: Omit<BundleOptions, 'predicates' | 'workflowsPath'>,
): Promise<{ readonly code: string }> {
  const path = join(folder, `${await keyOf(options.encrypted ?? false)}.js`);
  const kept = (await isOurs(folder)) ? await readFile(path, 'utf8').catch(() => null) : null;
  if (kept !== null) {
    const now = new Date();
    await utimes(path, now, now).catch(() => undefined);
    return { code: kept };
  }
  const { code } = await bundleWorkflows(options);
  await keep(folder, path, code).catch(() => undefined);
  return { code };
}

/** Whether nobody else can have put a bundle there: what is in it runs. */
async function isOurs(folder: string): Promise<boolean> {
  const found = await stat(folder).catch(() => null);
  return found !== null && (found.mode & 0o022) === 0 && (!process.getuid || found.uid === process.getuid());
}

/** SHA-256 of all that a bundle is made from: our own code byte by byte, that of others by their versions. */
async function keyOf(encrypted: boolean): Promise<string> {
  const hash = createHash('sha256');
  const workflows = dirname(workflowFile('index'));
  const core = fileURLToPath(new URL('../core', import.meta.url));
  const ours = dirname(fileURLToPath(import.meta.url));
  for (const folder of [workflows, core, ours]) {
    for (const name of (await readdir(folder)).toSorted()) {
      hash.update(`\0${name}\0`).update(await readFile(join(folder, name)));
    }
  }
  for (const name of ['protocol', 'calls'])
    hash.update(await readFile(fileURLToPath(import.meta.url).replace(/bundle[\\/]kept-bundle(?=\.[jt]s$)/, name)));
  for (const name of PACKAGES) hash.update(`\0${name}@${await versionOf(name)}`);
  return hash.update(`\0${process.version}\0${encrypted}`).digest('hex');
}

/** Some packages don't export their package.json: it is beside or above their entry. */
async function versionOf(name: string): Promise<string> {
  const entry = createRequire(import.meta.url).resolve(name);
  for (let folder = dirname(entry); folder !== dirname(folder); folder = dirname(folder)) {
    const text = await readFile(join(folder, 'package.json'), 'utf8').catch(() => '{}');
    const manifest = JSON.parse(text) as { readonly name?: string; readonly version?: string };
    if (manifest.name === name) return manifest.version ?? '';
  }
  return '';
}

/** In one step, so that nobody reads half of it; and what was not used for long goes. */
async function keep(folder: string, path: string, code: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const staged = `${path}.${process.pid}`;
  await writeFile(staged, code, { mode: 0o600 });
  await rename(staged, path);
  const bundles = await Promise.all(
    (await readdir(folder)).map(async (name) => ({ name, usedMs: (await stat(join(folder, name))).mtimeMs })),
  );
  for (const { name } of bundles.toSorted((a, b) => b.usedMs - a.usedMs).slice(KEPT)) await rm(join(folder, name));
}
