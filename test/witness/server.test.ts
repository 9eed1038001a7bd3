import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { cosignedAt } from '../../src/signing/cosignature.ts';
import { generateSkey, parseSkey, parseVkey } from '../../src/signing/key.ts';
import { formatNote, isSignedBy, parseNote, parseSignatureLine, signNote } from '../../src/signing/note.ts';
import { formatAddCheckpoint } from '../../src/witness/request.ts';
import { openWitnessState } from '../../src/witness/state.ts';
import { stateFolder, type TestWitness, testLog, testWitness } from './kit.ts';

const ORIGIN = 'example.com/aegrail';

interface Sent {
  readonly status: number;
  readonly type: string | null;
  readonly body: string;
}

async function post(
  { url }: TestWitness,
  body: string | Uint8Array<ArrayBuffer>,
  path = '/add-checkpoint',
): Promise<Sent> {
  const response = await fetch(`${url}${path}`, { method: 'POST', body });
  return { status: response.status, type: response.headers.get('content-type'), body: await response.text() };
}

const add = (witness: TestWitness, oldSize: number, note: string, proof: readonly Uint8Array[] = []): Promise<Sent> =>
  post(witness, formatAddCheckpoint({ oldSize, proof, note }));

test('cosigns a log as it grows, and answers with one good signature line', async () => {
  const log = testLog(ORIGIN);
  const witness = await testWitness([log]);
  for (const [oldSize, size] of [
    [0, 0],
    [0, 3],
    [3, 3],
    [3, 8],
    [8, 13],
  ] as const) {
    const { status, body } = await add(witness, oldSize, log.note(size), log.proof(oldSize, size));
    expect({ size, status }).toEqual({ size, status: 200 });
    expect(body).toMatch(/^— witness\.example\/w1 [A-Za-z0-9+/]+=*\n$/);
    const { text } = parseNote(log.note(size));
    const signature = parseSignatureLine(body.trimEnd());
    expect(cosignedAt(text, signature, parseVkey(witness.vkey, 'cosignature'))).toBe(1_800_000_000);
    expect(cosignedAt(`${text}x\n`, signature, parseVkey(witness.vkey, 'cosignature'))).toBeNull();
  }
  expect(witness.errors).toEqual([]);
});

describe('what it does not cosign', () => {
  test('409: another size than the one it cosigned last, and says which that is', async () => {
    const log = testLog(ORIGIN);
    const witness = await testWitness([log]);
    const conflict = (size: number) => ({ status: 409, type: 'text/x.tlog.size', body: `${size}\n` });
    expect(await add(witness, 2, log.note(5), log.proof(2, 5))).toEqual(conflict(0));
    await add(witness, 0, log.note(5));
    expect(await add(witness, 0, log.note(8))).toEqual(conflict(5));
    expect(await add(witness, 3, log.note(4), log.proof(3, 4))).toEqual(conflict(5));
  });

  test('422: a fork, a rolled-back root, a wrong proof, and an empty tree with another root', async () => {
    const log = testLog(ORIGIN);
    const witness = await testWitness([log]);
    expect((await add(witness, 0, log.note(5), log.proof(3, 5))).status).toBe(422);
    await add(witness, 0, log.note(5));
    expect((await add(witness, 5, log.note(8, 'fork'), log.proof(5, 8, 'fork'))).status).toBe(422);
    expect((await add(witness, 5, log.note(8, 'fork'), log.proof(5, 8))).status).toBe(422);
    expect((await add(witness, 5, log.note(5, 'fork'))).status).toBe(422);
    expect((await add(witness, 5, log.note(8), log.proof(5, 8).slice(1))).status).toBe(422);
    expect((await add(witness, 5, log.note(5), log.proof(3, 5))).status).toBe(422);
    expect((await add(witness, 5, log.note(8), log.proof(5, 8))).status).toBe(200);
    const other = testLog('other.example/log');
    const empty = await testWitness([other]);
    const line = Buffer.from(other.root(1)).toString('base64');
    const text = parseNote(other.note(0)).text.replace(/^(.*\n0\n).*\n/, `$1${line}\n`);
    expect(await add(empty, 0, formatNote(text, [signNote(text, other.key)]))).toMatchObject({
      status: 422,
      body: 'the root of an empty tree must be SHA-256 of nothing\n',
    });
  });

  test('404: a log that it does not watch; 403: nobody that it trusts, or a bad signature', async () => {
    const log = testLog(ORIGIN);
    const witness = await testWitness([log]);
    expect((await add(witness, 0, testLog('other.example/log').note(1))).status).toBe(404);
    expect((await add(witness, 0, testLog(ORIGIN).note(1))).status).toBe(403);
    const good = log.note(1);
    const bad = good.replace('2026-01-31', '2026-01-30');
    expect((await add(witness, 0, bad)).status).toBe(403);
    const lines = `${bad}${good.split('\n\n')[1] ?? ''}`;
    expect((await add(witness, 0, lines)).status).toBe(403);
    expect((await add(witness, 0, good)).status).toBe(200);
  });

  test('a signature of an unknown key beside a good one changes nothing', async () => {
    const log = testLog(ORIGIN);
    const witness = await testWitness([log]);
    const stranger = parseSkey(generateSkey('stranger.example/k'));
    expect((await add(witness, 0, log.note(1, '', [stranger, log.key]))).status).toBe(200);
  });

  const note = testLog(ORIGIN).note(4);
  const hash = Buffer.alloc(32).toString('base64');
  test.each([
    ['nothing', ''],
    ['no old size', `\n${note}`],
    ['no empty line', `old 0\n${note.replace('\n\n', '\n')}`],
    ['a leading zero', `old 00\n\n${note}`],
    ['a sign', `old +1\n\n${note}`],
    ['a size beyond 2^53', `old 9007199254740993\n\n${note}`],
    ['two spaces', `old  0\n\n${note}`],
    ['another word', `new 0\n\n${note}`],
    ['CRLF', `old 0\r\n\r\n${note}`],
    ['a short hash', `old 1\nAAAA\n\n${note}`],
    ['a hash with spare bits', `old 1\n${hash.replace('A=', 'B=')}\n\n${note}`],
    ['64 hashes', `old 1\n${`${hash}\n`.repeat(64)}\n${note}`],
    ['no signature', `old 0\n\n${note.split('\n\n')[0] ?? ''}\n\n`],
    ['no checkpoint', `old 0\n\nx\n\n— a AAAAAAAA\n`],
    ['an old size above the new one', `old 5\n\n${note}`],
    ['a byte order mark', `\ufeffold 0\n\n${note}`],
  ])('400: %s', async (what, body) => {
    const log = testLog(ORIGIN);
    const witness = await testWitness([log]);
    const { status } = await post(witness, body.replace(note, log.note(4)));
    expect({ what, status }).toEqual({ what, status: 400 });
    expect(witness.errors).toEqual([]);
  });

  test('400: bytes that are not UTF-8, in a signature line that nobody would look at', async () => {
    const log = testLog(ORIGIN);
    const witness = await testWitness([log]);
    const body = Buffer.from(`old 0\n\n${log.note(4)}— x AAAAAAAA\n`);
    const broken = Buffer.from(body);
    broken[broken.lastIndexOf('x')] = 0xff;
    expect((await post(witness, broken)).status).toBe(400);
    expect((await post(witness, body)).status).toBe(200);
  });

  test('413: more than it reads; 404 and 405: other paths and methods', async () => {
    const witness = await testWitness([testLog(ORIGIN)]);
    expect((await post(witness, 'x'.repeat(2_000_000))).status).toBe(413);
    expect((await post(witness, 'x', '/')).status).toBe(404);
    expect((await post(witness, 'x', '//%')).status).toBe(404);
    const got = await fetch(`${witness.url}/add-checkpoint`);
    expect([got.status, got.headers.get('allow')]).toEqual([405, 'POST']);
  });
});

describe('its memory', () => {
  test('outlives it: a fork is refused by the next process', async () => {
    const log = testLog(ORIGIN);
    const dir = stateFolder();
    const first = await testWitness([log], dir);
    await add(first, 0, log.note(5));
    await first.stop();
    const second = await testWitness([log], dir);
    expect(await add(second, 0, log.note(3))).toMatchObject({ status: 409, body: '5\n' });
    expect((await add(second, 5, log.note(8, 'fork'), log.proof(5, 8, 'fork'))).status).toBe(422);
    expect((await add(second, 5, log.note(8), log.proof(5, 8))).status).toBe(200);
  });

  test('of each log is its own, and monitors read it', async () => {
    const [one, two] = [testLog(ORIGIN), testLog('other.example/log')];
    const witness = await testWitness([one, two]);
    await add(witness, 0, one.note(5));
    await add(witness, 0, two.note(2));
    const pathOf = (origin: string): string => `/${createHash('sha256').update(origin).digest('hex')}/checkpoint`;
    const note = parseNote(await (await fetch(witness.url + pathOf(ORIGIN))).text());
    expect(isSignedBy(note, one.key.verifier)).toBe(true);
    const own = note.signatures.map((line) => cosignedAt(note.text, line, parseVkey(witness.vkey, 'cosignature')));
    expect(own).toEqual([null, 1_800_000_000]);
    expect((await fetch(witness.url + pathOf('unknown'))).status).toBe(404);
  });

  test('belongs to one process at a time', async () => {
    const dir = stateFolder();
    const witness = await testWitness([testLog(ORIGIN)], dir);
    expect(() => openWitnessState(dir)).toThrow('another witness has the folder');
    await witness.stop();
    openWitnessState(dir).close();
  });

  test('that is damaged lets nothing through: 500, and the reason is told inside', async () => {
    const log = testLog(ORIGIN);
    const dir = stateFolder();
    const witness = await testWitness([log], dir);
    await add(witness, 0, log.note(5));
    const file = readdirSync(dir).find((name) => name.endsWith('.checkpoint')) ?? '';
    const whole = readFileSync(join(dir, file), 'utf8');
    writeFileSync(join(dir, file), whole.slice(0, 40));
    expect(await add(witness, 0, log.note(3))).toMatchObject({ status: 500, body: 'this witness has a fault\n' });
    expect(witness.errors).toHaveLength(1);
  });

  test('that can not be read does not pass for a log that was never seen', async () => {
    const log = testLog(ORIGIN);
    const dir = stateFolder();
    const witness = await testWitness([log], dir);
    const file = join(dir, `${createHash('sha256').update(ORIGIN).digest('hex')}.checkpoint`);
    // A link to itself can't be read, whoever asks, and could be replaced.
    symlinkSync(file, file);
    expect((await add(witness, 0, log.note(3))).status).toBe(500);
    expect(String(witness.errors[0])).toContain('ELOOP');
  });

  test('of two forks sent at once, one is cosigned', async () => {
    const branches = Array.from({ length: 12 }, (_, at) => (at % 2 === 0 ? '' : 'fork'));
    const log = testLog(ORIGIN, 6);
    const witness = await testWitness([log]);
    await add(witness, 0, log.note(5));
    const answers = await Promise.all(
      branches.map((branch) => add(witness, 5, log.note(9, branch), log.proof(5, 9, branch))),
    );
    const statuses = answers.map(({ status }) => status).sort((a, b) => a - b);
    expect(statuses).toEqual([200, ...Array.from({ length: 11 }, () => 409)]);
  });
});
