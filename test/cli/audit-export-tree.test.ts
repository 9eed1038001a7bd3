import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Manifest } from '../../src/audit/bundle-format.ts';
import type { Verdict, VerdictName } from '../../src/audit/verdicts.ts';
import { verifyInPython } from '../audit/in-python.ts';
import { type DelegatingStack, startDelegatingStack } from '../harness/delegating-stack.ts';
import { aegrail, type End, folder, jsonLines } from './kit.ts';

/** A session with sub-agents, a signed log of logs, and an auditor with nothing but the command line. */

let stack: DelegatingStack;
let id: string;
/** The session, its helper, its chief, and the helper of that. */
let family: string[];
let vkey: string;

const run = (...args: string[]): Promise<End> => aegrail(args, { cwd: stack.dir });

async function done(...args: string[]): Promise<End> {
  const end = await run(...args);
  expect(end).toMatchObject({ code: 0 });
  return end;
}

beforeAll(async () => {
  stack = await startDelegatingStack();
  // Not below it: another one's name may begin as its own does.
  const name = crypto.randomUUID();
  const others = await Promise.all(
    [`${name}-2`, crypto.randomUUID()].map((session) => stack.start({ session, input: 'look: sea' })),
  );
  const session = await stack.start({ session: name, input: 'helper: look: sea | chief: helper: look: shore' });
  await Promise.all([...others, session].map((one) => one.result()));
  ({ id } = session);
  const below = (await stack.recordsOf(id, 'tool_admitted')).map(({ payload }) => payload.agent?.session_id ?? '');
  const chief = below[1] ?? '';
  const [helper] = await stack.recordsOf(chief, 'tool_admitted');
  family = [id, ...below, helper?.payload.agent?.session_id ?? ''];
  expect(family).toEqual([...new Set(family)].filter((one) => one === id || one.startsWith(`${id}.`)));
  vkey = (await done('keys', 'new', '--origin', 'example.com/log', '--dir', 'keys')).out.trim();
  const config = JSON.parse(readFileSync(join(stack.dir, 'aegrail.json'), 'utf8')) as object;
  const signed = { ...config, signing: { origin: 'example.com/log', keys: './keys' } };
  writeFileSync(join(stack.dir, 'signed.json'), JSON.stringify(signed));
  await done('audit', 'checkpoint', '-c', 'signed.json');
});
afterAll(() => stack.close());

type Told = Readonly<Record<VerdictName, Verdict>>;

async function verified(bundle: string): Promise<Told> {
  return JSON.parse((await done('audit', 'verify', bundle, '--key', vkey, '--json')).out) as Told;
}

async function toldInPython(bundle: string): Promise<Told> {
  const { code, told } = await verifyInPython([join(stack.dir, bundle)], '--key', vkey);
  expect(code).toBe(0);
  return told[0] as Told;
}

test('alone it says what was posted for others, what was not checked of that, and how to get it', async () => {
  await done('audit', 'export', id, '-c', 'signed.json', '-o', 'alone');
  const { ledger } = await verified('alone');
  const hint = 'aegrail audit export ID --tree exports a session with all below it';
  expect(ledger).toMatchObject({ status: 'unchecked', findings: [] });
  const [, first, second] = family;
  expect(ledger.unchecked).toEqual([
    expect.stringMatching(
      `^what was posted for sub-agents, .*: (${first}, ${second}|${second}, ${first}) \\(${hint}\\)$`,
    ),
  ]);
  const { ledger: inPython } = await toldInPython('alone');
  expect(inPython.status).toBe('unchecked');
  expect(inPython.unchecked.join()).toContain(hint);
});

test('with --tree the bundle has all below it and nothing else, and the ledger is good in both verifiers', async () => {
  const { err } = await done('audit', 'export', id, '--tree', '-c', 'signed.json');
  const bundle = `aegrail-audit-${id}-tree`;
  expect(err).toContain(`${bundle}: `);
  const manifest = JSON.parse(readFileSync(join(stack.dir, bundle, 'manifest.json'), 'utf8')) as Manifest;
  expect(manifest).toMatchObject({ query: { session: id, below: true }, sessions: 4 });
  const { integrity, completeness, authenticity, ledger } = await verified(bundle);
  expect([integrity, completeness, authenticity, ledger].map(({ status }) => status)).toEqual(Array(4).fill('good'));
  expect(completeness.evidence).toContain(`the bundle answers: sessions with session ${id} or one below it`);
  expect(ledger.evidence).toContain('sub-agents compared with the sessions that they work for: 3');
  const inPython = await toldInPython(bundle);
  for (const name of ['integrity', 'completeness', 'authenticity', 'ledger'] as const)
    expect(inPython[name], name).toMatchObject({ status: 'good', unchecked: [] });
});

test('a sub-agent with all below it is what its own id begins', async () => {
  const chief = family[2] ?? '';
  const { out } = await done('audit', 'export', chief, '--tree', '-c', 'signed.json', '-o', 'chief', '--json');
  expect(JSON.parse(out)).toMatchObject({ manifest: { query: { session: chief, below: true }, sessions: 2 } });
  const { completeness, ledger } = await verified('chief');
  expect(completeness.status).toBe('good');
  expect(ledger.unchecked).toEqual([expect.stringMatching(`^what sub-agents were given, .*: ${chief} \\(aegrail`)]);
});

test('lines have the same sessions', async () => {
  const { out } = await done('audit', 'export', '--session', id, '--tree', '--format', 'jsonl');
  const ids = jsonLines(out).map((record) => (record as { session_id: string }).session_id);
  expect([...new Set(ids)].toSorted()).toEqual(family.toSorted());
  const csv = await done('audit', 'export', id, '--tree', '--format', 'csv');
  expect(csv.out.trimEnd().split('\r\n')).toHaveLength(ids.length + 1);
  const some = await done('audit', 'export', id, '--tree', '--agent', 'helper', '--format', 'jsonl');
  expect(new Set(jsonLines(some.out).map((record) => (record as { session_id: string }).session_id)).size).toBe(2);
});

test('of a session that is not there it says so', async () => {
  const { code, err } = await run('audit', 'export', 'gone', '--tree', '-o', 'gone');
  expect({ code, err }).toEqual({
    code: 2,
    err: expect.stringContaining('no session gone, nor one below it.') as string,
  });
  expect(existsSync(join(stack.dir, 'gone'))).toBe(false);
});

test.each([
  [['--tree'], '--tree is a session with all below it: name the session'],
  [['--tree', '--all'], '--tree is a session with all below it: name the session'],
  [['--tree', '--agent', 'bot'], '--tree is a session with all below it: name the session'],
  [['x', '--tree', '--from', 'history'], 'the log of one session, and not of those below it'],
])('%j is exit code 2 and one line', async (args, says) => {
  const { code, out, err } = await aegrail(['audit', 'export', ...args], { cwd: folder() });
  expect({ code, out }).toEqual({ code: 2, out: '' });
  expect(err).toContain(says);
  expect(err.trimEnd().split('\n')).toHaveLength(1);
});
