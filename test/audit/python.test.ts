import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ledgerCheck } from '../../src/audit/ledger-check.ts';
import { MAX_LINE_BYTES, readLines } from '../../src/audit/lines.ts';
import { verifyLog } from '../../src/audit/verify.ts';
import { lineOf } from '../../src/core/chain.ts';
import { sequence } from '../../src/model-endpoint/index.ts';
import { botConfig, type Stack, startStack, toolsModule } from '../harness/stack.ts';
import { verify } from '../vectors/make.ts';
import { EXAMPLE, python, runPython, verifyInPython } from './in-python.ts';

const VECTORS = join(import.meta.dirname, '../vectors');

/** What verify.py says of one file. */
interface Told {
  readonly file: string;
  readonly ok: boolean;
  readonly line?: number;
  readonly fault?: string;
  readonly records?: number;
  readonly sessions?: readonly { session_id: string; records: number; head: string; ended: boolean }[];
}

let folder: string;
let stack: Stack;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'aegrail-python-'));
  stack = await startStack({
    files: {
      'tools.ts': toolsModule(`
export const note = defineTool({
  description: 'Takes a note.',
  input: z.object({ text: z.string(), weight: z.number() }),
  execute: ({ text }) => 'noted: ' + text,
});`),
    },
    config: botConfig({
      tools: {
        note: {
          module: './tools.ts',
          when: 'args.weight < 1',
          redact: { showArgs: ['text', 'weight'], showResult: true },
        },
      },
    }),
    script: sequence([
      {
        call: [
          { tool: 'note', args: { text: 'für Zoë 🙂 ,"hash":"\u2028', weight: 1.5e-9 } },
          { tool: 'note', args: { text: 'heavy', weight: 3e21 } },
          { tool: 'erase', args: {} },
        ],
      },
      { say: 'Noted.' },
    ]),
  });
});

afterAll(async () => {
  await stack?.close();
  await rm(folder, { recursive: true });
});

/** Runs the vectors where `cryptography` can't be imported: then the signatures are checked in plain Python. */
const WITHOUT_CRYPTOGRAPHY = `
import runpy, sys
sys.modules['cryptography'] = None
sys.path.insert(0, sys.argv[1])
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0] + '/vectors.py', run_name='__main__')
`;

test.each([
  ['as it is', [join(EXAMPLE, 'vectors.py')]],
  ['with nothing but the standard library', ['-c', WITHOUT_CRYPTOGRAPHY, EXAMPLE]],
])('the Python verifier agrees with every vector, %s', async (_, program) => {
  const { stdout } = await runPython([...program, VECTORS]);
  const [, checked] = /^(\d+) vectors, 0 failed\n$/.exec(stdout) ?? [stdout];
  const folders = ['valid', 'invalid', 'bundles/valid', 'bundles/invalid'];
  const vectors = await Promise.all(folders.map((part) => readdir(join(VECTORS, part))));
  expect(Number(checked), stdout).toBeGreaterThan(
    vectors.flat().filter((name) => !name.endsWith('.checkpoint')).length,
  );
});

test('the log of a real session, and a few hundred of its one-byte changes', async () => {
  const session = await stack.start({ input: 'Take a note.' });
  await session.result();
  const records = await stack.records(session.id);
  const log = Buffer.from(records.map((record) => `${lineOf(record)}\n`).join(''));
  const whole = join(folder, 'whole.jsonl');
  await writeFile(whole, log);

  const { code, told } = await verifyTold([whole]);
  expect(told).toEqual([
    {
      file: whole,
      ok: true,
      records: records.length,
      unknown: 0,
      sessions: [{ session_id: session.id, records: records.length, head: records.at(-1)!.hash, ended: true }],
    },
  ]);
  expect(code).toBe(0);
  expect(await verify(log)).toMatchObject({ ok: true, records: records.length });

  const changes = fc.sample(fc.record({ at: fc.nat(log.length - 1), by: fc.integer({ min: 1, max: 255 }) }), 400);
  const files = await Promise.all(
    changes.map(async ({ at, by }, index) => {
      const changed = Buffer.from(log);
      changed[at] = changed[at]! ^ by;
      const file = join(folder, `changed-${index}.jsonl`);
      await writeFile(file, changed);
      return { file, at, by, found: await verify(changed) };
    }),
  );
  const answers = await verifyTold(files.map(({ file }) => file));
  expect(answers.code).toBe(1);
  expect(answers.told).toHaveLength(files.length);
  for (const [index, { at, by, found }] of files.entries()) {
    const theirs = answers.told[index]!;
    const where = `byte ${at} of ${log.length}, xor ${by}: ${JSON.stringify(theirs)}`;
    expect(found.ok, where).toBe(false);
    const ours = found.ok ? { line: 0 } : { line: found.line, fault: found.fault };
    expect({ ok: theirs.ok, line: theirs.line, fault: theirs.fault }, where).toEqual({ ok: false, ...ours });
  }
});

test('both have the same longest line', async () => {
  const cases = [
    [MAX_LINE_BYTES, 'not_json', 'not a JSON object'],
    [MAX_LINE_BYTES + 1, 'too_long', 'longer than 16 MB'],
  ] as const;
  for (const [bytes, fault, why] of cases) {
    const file = join(folder, 'long.jsonl');
    await writeFile(file, `${'x'.repeat(bytes)}\n`);
    expect((await verifyTold([file])).told).toMatchObject([{ ok: false, line: 1, fault }]);
    expect(await verifyLog(readLines(file), { checkRecord: ledgerCheck })).toMatchObject({
      ok: false,
      line: 1,
      fault,
      why,
    });
  }
});

test('what can not be read is wrong use, for a person and in one line', async () => {
  const file = join(folder, 'none.jsonl');
  const { status, stderr, stdout } = spawnSync(python, ['-B', join(EXAMPLE, 'verify.py'), file], { encoding: 'utf8' });
  expect({ status, stdout, stderr }).toEqual({
    status: 2,
    stdout: '',
    stderr: `${file} can not be read: No such file or directory\n`,
  });
});

test('for a person it names file, line and fault', async () => {
  const right = join(VECTORS, 'valid/unended.jsonl');
  const wrong = join(VECTORS, 'invalid/changed-member.jsonl');
  const { status, stdout } = spawnSync(python, ['-B', join(EXAMPLE, 'verify.py'), right, wrong], { encoding: 'utf8' });
  expect(status).toBe(1);
  expect(stdout).toContain(`${right}: ok, 5 records\n`);
  expect(stdout).toContain('not ended: it runs, or its tail is missing\n');
  expect(stdout).toContain(`${wrong}:3: hash_mismatch: `);
});

test('a reader that goes away, as head does, takes nothing from the verdict', async () => {
  const right = join(VECTORS, 'valid/unended.jsonl');
  const wrong = join(VECTORS, 'invalid/changed-member.jsonl');
  const targets = [...Array.from({ length: 2_000 }, () => right), wrong];
  const child = spawn(python, ['-B', join(EXAMPLE, 'verify.py'), ...targets], { stdio: ['ignore', 'pipe', 'pipe'] });
  child.stdout.once('data', () => child.stdout.destroy());
  let err = '';
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
  expect(await once(child, 'close')).toEqual([1, null]);
  expect(err).toBe('');
});

/** {@link verifyInPython}, read as what it is. */
async function verifyTold(...args: Parameters<typeof verifyInPython>): Promise<{ code: number; told: Told[] }> {
  const { code, told } = await verifyInPython(...args);
  return { code, told: told as Told[] };
}
