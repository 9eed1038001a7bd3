import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Audit } from '../../src/audit/audit.ts';
import { exportBundle } from '../../src/audit/export-bundle.ts';
import { type Verdict, VERDICT_NAMES, type VerdictName } from '../../src/audit/verdicts.ts';
import type { ContractFileInput } from '../../src/config/schema.ts';
import { sequence } from '../../src/model-endpoint/index.ts';
import { createNotary } from '../../src/notary/notary.ts';
import { generateSkey, parseSkey } from '../../src/signing/key.ts';
import { openKeyring } from '../../src/signing/keyring.ts';
import { type Stack, startStack, toolsModule } from '../harness/stack.ts';
import type { Files } from '../vectors/bundle-parts.ts';
import { FIRST } from '../vectors/bundle-keys.ts';
import { audit, memorySource } from '../vectors/bundles.ts';
import { verifyInPython } from './in-python.ts';

const ORIGIN = 'example.com/python-test';
const VECTORS = join(import.meta.dirname, '../vectors');

/** What verify.py says of one bundle. */
type Told = Readonly<Record<VerdictName, Omit<Verdict, 'evidence'>>> & {
  readonly ok: boolean;
  readonly records: number;
};

const agent: ContractFileInput['agents'][string] = {
  model: 'openai/gpt-5.4-mini',
  limits: { usd: 1, wallSeconds: 600, maxRecursionDepth: 1 },
  budget: { softLimit: 0 },
  tools: { note: { module: './tools.ts', redact: { showArgs: ['text'], showResult: true } } },
};

let folder: string;
let stack: Stack;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'aegrail-python-'));
  stack = await startStack({
    files: {
      'tools.ts': toolsModule(`
export const note = defineTool({
  description: 'Takes a note.',
  input: z.object({ text: z.string() }),
  execute: ({ text }) => 'noted: ' + text,
});`),
    },
    config: { agents: { bot: { ...agent, agents: { clerk: {} } }, clerk: agent } },
    // The bot asks the clerk, and is told what the clerk says.
    script: sequence([
      { call: [{ tool: 'clerk', args: { task: 'Take a note.' } }] },
      { call: [{ tool: 'note', args: { text: 'für Zoë 🙂' } }] },
      { say: 'Noted.' },
      { say: 'Done.' },
    ]),
  });
});

afterAll(async () => {
  await stack?.close();
  await rm(folder, { recursive: true });
});

test('the bundle of two real sessions, and a few hundred of its one-byte changes', { timeout: 120_000 }, async () => {
  const session = await stack.start({ input: 'Take a note.' });
  await session.result();
  const records = await stack.records(session.id);
  for (const { event, payload } of records)
    if (event === 'tool_call' && payload.agent) records.push(...(await stack.records(payload.agent.session_id)));
  const vkey = await seal();
  const whole = join(folder, 'whole');
  await exportBundle({
    folder: whole,
    created: new Date().toISOString(),
    store: stack.store,
    query: {},
    onRecord: () => {},
    onBlock: () => {},
    stop: new AbortController().signal,
  });
  const files = await filesIn(whole);
  expect([...files.keys()].filter((name) => !name.startsWith('contracts/')).sort()).toEqual([
    'checkpoints.jsonl',
    'entries.jsonl',
    'keys.txt',
    'manifest.json',
    'records.jsonl',
  ]);
  const { code, told } = await verifyTold([whole], '--key', vkey);
  const good = Object.fromEntries(VERDICT_NAMES.map((name) => [name, name === 'history' ? 'unchecked' : 'good']));
  expect(told.map(statuses)).toEqual([good]);
  expect({ code, records: told[0]?.records }).toEqual({ code: 0, records: records.length });
  await compareChanges('real', files, vkey, 120);
});

test('a bundle with several keys, and a few hundred of its one-byte changes', { timeout: 120_000 }, async () => {
  const files = await filesIn(join(VECTORS, 'bundles/valid/several'));
  await compareChanges('several', files, FIRST.verifier.vkey, 120);
});

test('a bundle of a family, and a few hundred of its one-byte changes', { timeout: 120_000 }, async () => {
  const files = await filesIn(join(VECTORS, 'bundles/valid/family'));
  await compareChanges('family', files, FIRST.verifier.vkey, 120);
});

/** Both verifiers must find the same in bundles of which one byte is another, and never nothing. */
async function compareChanges(name: string, files: Files, vkey: string, number: number): Promise<void> {
  const sizes = [...files].map(([file, { length }]) => [file, length] as const);
  const anywhere = fc.oneof(
    ...sizes.map(([file, length]) =>
      fc.record({ file: fc.constant(file), at: fc.nat(length - 1), by: fc.integer({ min: 1, max: 255 }) }),
    ),
  );
  const changes = fc.sample(anywhere, number);
  const folders = await Promise.all(
    changes.map(async ({ file, at, by }, index) => {
      const bytes = Buffer.from(files.get(file)!);
      bytes[at] = bytes[at]! ^ by;
      const changed = new Map([...files, [file, bytes]]);
      const path = join(folder, name, String(index));
      await writeAll(path, changed);
      return { path, changed, where: `${file}, byte ${at}, xor ${by}` };
    }),
  );
  const { code, told } = await verifyTold(
    folders.map(({ path }) => path),
    '--key',
    vkey,
  );
  expect(code).toBe(1);
  expect(told).toHaveLength(number);
  for (const [index, { changed, where }] of folders.entries()) {
    const ours = await audit(memorySource(changed), { keys: [vkey], witnesses: [], kept: null }, null);
    const theirs = told[index]!;
    expect(theirs.ok, where).toBe(false);
    expect(comparable(theirs), where).toEqual(comparable(ours.verdicts));
  }
}

/** Statuses and findings, without the sentences and in one order. */
function comparable(verdicts: Told | Audit['verdicts']): object {
  return VERDICT_NAMES.map((name) => {
    const { status, findings, further } = verdicts[name];
    const rows = findings.map(({ fault, file, line, session_id }) => [fault, file, line, session_id].join(' '));
    return { name, status, further, rows: rows.sort() };
  });
}

function statuses(told: Told): object {
  return Object.fromEntries(VERDICT_NAMES.map((name) => [name, told[name].status]));
}

/** Signs what the store has, as a notary does, and again when nothing has happened. @returns whose key it was */
async function seal(): Promise<string> {
  const skey = generateSkey(ORIGIN);
  let now = Date.now();
  const notary = createNotary({
    store: stack.store,
    keyring: openKeyring({ origin: ORIGIN, keyEnv: 'KEY' }, folder, { KEY: skey }),
    cadenceSeconds: 60,
    witnesses: [],
    publish: () => {},
    logger: { warn: () => {}, error: () => {} },
    now: () => now,
  });
  await notary.tick({ all: true });
  now += 60_000;
  await notary.tick();
  await notary.stop();
  return parseSkey(skey).verifier.vkey;
}

async function filesIn(root: string): Promise<Files> {
  const files = new Map<string, Buffer>();
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    files.set(path.slice(root.length + 1), await readFile(path));
  }
  return files;
}

async function writeAll(root: string, files: Files): Promise<void> {
  for (const [name, bytes] of files) {
    await mkdir(dirname(join(root, name)), { recursive: true });
    await writeFile(join(root, name), bytes);
  }
}

/** {@link verifyInPython}, read as what it is. */
async function verifyTold(...args: Parameters<typeof verifyInPython>): Promise<{ code: number; told: Told[] }> {
  const { code, told } = await verifyInPython(...args);
  return { code, told: told as Told[] };
}
