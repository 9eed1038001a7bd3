import { delimiter, join } from 'node:path';
import { lastLineOf, runCommand } from './command.ts';
import type { CommandEnd } from './command.ts';
import { isRunnable } from './from-env.ts';
import type { BinaryName } from './pins.ts';
import type { RungContext, RungEnd } from './rung.ts';

/** CLI 1.4.0 brought Server 1.28, the first with update-with-start and worker versioning as we use them. */
const oldestCli = [1, 4, 0] as const;
const answerWithinMs = 5_000;

/** A binary on PATH that answers and is new enough. Every candidate is tried, as the first may be an empty shim. */
export async function fromPath({ name, env, onProgress }: RungContext): Promise<RungEnd> {
  const whys: string[] = [];
  for (const dir of (env['PATH'] ?? '').split(delimiter)) {
    const path = join(dir, name);
    if (dir === '' || !(await isRunnable(path))) continue;
    const end = await runCommand({ file: path, args: ['--version'], env, stallMs: answerWithinMs });
    const judged = judge(name, end);
    if (judged.ok) {
      onProgress(`${name}: using ${path} (${judged.what})`);
      return { path };
    }
    whys.push(`${path}: ${judged.what}`);
  }
  return { why: whys.length === 0 ? `no ${name} there` : whys.join(', ') };
}

function judge(name: BinaryName, end: CommandEnd): { ok: boolean; what: string } {
  if (end.why !== undefined) return { ok: false, what: end.why };
  // The test server knows no --version and ends with a Java exception; 126 and 127 come from a shim with nothing behind it.
  if (name === 'temporal-test-server') {
    const ok = end.code !== 126 && end.code !== 127;
    return { ok, what: ok ? 'version unknown' : lastLineOf(end.output) };
  }
  const found = /temporal version (\d+)\.(\d+)\.(\d+)/.exec(end.output);
  if (end.code !== 0 || found === null) return { ok: false, what: `--version failed: ${lastLineOf(end.output)}` };
  const version = [Number(found[1]), Number(found[2]), Number(found[3])];
  const text = version.join('.');
  if (isOlder(version, oldestCli)) return { ok: false, what: `version ${text} is older than ${oldestCli.join('.')}` };
  return { ok: true, what: `version ${text}` };
}

function isOlder(version: readonly number[], than: readonly number[]): boolean {
  const at = than.findIndex((part, i) => part !== version[i]);
  return at >= 0 && (version[at] ?? 0) < (than[at] ?? 0);
}
