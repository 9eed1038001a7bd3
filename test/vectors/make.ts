import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { ledgerCheck } from '../../src/audit/ledger-check.ts';
import { splitLines } from '../../src/audit/lines.ts';
import { type Verification, verifyLog } from '../../src/audit/verify.ts';
import { makeBundles } from './bundles.ts';
import { canonicalVectors } from './canonical.ts';
import { invalidVectors } from './invalid.ts';
import { chained } from './play.ts';
import { answered, compacted, conversed, killed, resetTwice, terminated } from './sessions.ts';

/** Makes the vectors anew: `node test/vectors/make.ts`. The same bytes each time, or the format has changed. */

/** One row of vectors.json. */
export type Vector =
  | { readonly file: string; readonly ok: true; readonly records: number; readonly unknown: number; readonly sessions: readonly object[] }
  | { readonly file: string; readonly ok: false; readonly line: number; readonly fault: string; readonly why: string };

/** Logs that must be accepted. */
function validLogs(): Readonly<Record<string, readonly string[]>> {
  const one = chained(answered('sess_a'));
  const killedOne = chained(killed('sess_k'));
  const started = answered('sess_n').slice(0, 2);
  const last = started[1]!;
  const newer = [
    ...started,
    { ...last, seq: 2, event: 'child_started', payload: { anything: ['at', 'all'] } },
    { ...last, seq: 3, v: 2, event: 'llm_admitted', payload: null, zone: 'eu', budget: null },
    // Its budget is not what a fold would give: after an unknown event nobody can say.
    { ...last, seq: 4, event: 'cancel_requested', payload: { in_flight: 3 } },
    { ...last, seq: 5, v: 2, event: 'session_ended', payload: null },
  ];
  return {
    'one-session': one,
    'two-interleaved': one.flatMap((line, index) => (killedOne[index] === undefined ? [line] : [killedOne[index], line])).concat(killedOne.slice(one.length)),
    unended: one.slice(0, 5),
    'killed-after-retries': killedOne,
    'reset-twice': chained(resetTwice('sess_r')),
    conversed: chained(conversed('sess_c')),
    compacted: chained(compacted('sess_k')),
    'terminated-and-closed': chained(terminated('sess_t')),
    'newer-events': chained(newer),
  };
}

/** Every file of the vectors, by its path below this folder. */
export async function makeVectors(): Promise<ReadonlyMap<string, Buffer>> {
  const files = new Map<string, Buffer>();
  const index: Vector[] = [];
  for (const [name, lines] of Object.entries(validLogs())) {
    const file = `valid/${name}.jsonl`;
    const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
    files.set(file, bytes);
    const found = await verify(bytes);
    if (!found.ok) throw new Error(`${file} does not verify: line ${found.line}: ${found.why}`);
    const { records, unknown } = found;
    const sessions = found.sessions.map(({ sessionId: session_id, ...rest }) => ({ session_id, ...rest }));
    index.push({ file, ok: true, records, unknown, sessions });
  }
  for (const { file, line, fault, bytes } of invalidVectors()) {
    files.set(file, bytes);
    const found = await verify(bytes);
    if (found.ok || found.line !== line || found.fault !== fault)
      throw new Error(`${file} must fail at line ${line} with ${fault}: ${JSON.stringify(found)}`);
    index.push({ file, ok: false, line, fault, why: found.why });
  }
  const bundles = await makeBundles();
  for (const [path, bytes] of bundles.files) files.set(path, bytes);
  files.set('vectors.json', json(index));
  files.set('bundles.json', json(bundles.index));
  files.set('canonical.json', json(canonicalVectors()));
  return files;
}

/** Verifies as `aegrail audit verify` does. */
export function verify(bytes: Buffer): Promise<Verification> {
  return verifyLog(splitLines([bytes]), { checkRecord: ledgerCheck });
}

function json(value: unknown): Buffer {
  return Buffer.from(`${JSON.stringify(value, null, 2)}\n`);
}

const FOLDERS = ['valid', 'invalid', 'bundles/valid', 'bundles/invalid'];

async function writeVectors(folder: string): Promise<void> {
  const files = await makeVectors();
  for (const part of FOLDERS) await rm(join(folder, part), { recursive: true, force: true });
  for (const [path, bytes] of files) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), bytes);
  }
  for (const part of FOLDERS) process.stdout.write(`${part}: ${(await readdir(join(folder, part))).length}\n`);
}

if (import.meta.main) await writeVectors(import.meta.dirname);
