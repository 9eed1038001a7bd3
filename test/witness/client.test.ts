import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { cosignedAt } from '../../src/signing/cosignature.ts';
import { generateSkey, parseSkey, parseVkey } from '../../src/signing/key.ts';
import { formatNote, isSignedBy, parseNote } from '../../src/signing/note.ts';
import { cosign } from '../../src/witness/client.ts';
import { testLog, testWitness } from './kit.ts';

const log = testLog('example.com/aegrail');
const request = (oldSize: number, size: number, timeoutMs = 5_000) => ({
  oldSize,
  proof: log.proof(oldSize, size),
  note: log.note(size),
  timeoutMs,
});
const stranger = parseSkey(generateSkey('witness.example/w1', 'cosignature'), 'cosignature').verifier.vkey;

/** A server that is no witness. */
async function impostor(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  onTestFinished(async () => {
    server.closeAllConnections();
    await new Promise((done) => server.close(done));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('the cosignature becomes a line of the note, and the log signature stays good', async () => {
  const { url, vkey } = await testWitness([log]);
  const answer = await cosign({ url: `${url}/`, key: vkey }, request(0, 5));
  if (!answer.ok) throw new Error(answer.why);
  expect(answer.unixSeconds).toBe(1_800_000_000);
  const { text, signatures } = parseNote(log.note(5));
  const note = parseNote(formatNote(text, [...signatures, answer.signature]));
  expect(isSignedBy(note, log.key.verifier)).toBe(true);
  expect(cosignedAt(note.text, note.signatures[1]!, parseVkey(vkey, 'cosignature'))).toBe(1_800_000_000);
});

describe('what goes wrong is said in words', () => {
  test('another size: with the one that would be right, which then works', async () => {
    const { url, vkey } = await testWitness([log]);
    await cosign({ url, key: vkey }, request(0, 5));
    const answer = await cosign({ url, key: vkey }, request(0, 8));
    expect(answer).toEqual({ ok: false, size: 5, why: 'it cosigned a tree of 5 entries last, not of 0' });
    expect((await cosign({ url, key: vkey }, request(5, 8))).ok).toBe(true);
  });

  test('a refusal with its reason', async () => {
    const { url, vkey } = await testWitness([testLog('other.example/log')]);
    const answer = await cosign({ url, key: vkey }, request(0, 5));
    expect(answer).toEqual({ ok: false, why: 'it answered 404: this witness does not watch a log of this origin' });
  });

  test("another witness's cosignature is none", async () => {
    const { url } = await testWitness([log]);
    const answer = await cosign({ url, key: stranger }, request(0, 5));
    expect(answer).toMatchObject({ ok: false, why: expect.stringContaining('no good cosignature of witness') });
  });

  test('a cosignature of another checkpoint is none', async () => {
    const { url, vkey } = await testWitness([log]);
    const real = await fetch(`${url}/add-checkpoint`, { method: 'POST', body: `old 0\n\n${log.note(5)}` });
    const line = await real.text();
    const replay = await impostor((_, response) => response.end(line));
    expect((await cosign({ url: replay, key: vkey }, request(0, 5))).ok).toBe(true);
    expect(await cosign({ url: replay, key: vkey }, request(5, 8))).toMatchObject({ ok: false });
  });

  test.each<[string, RequestListener, string]>([
    ['no answer', () => undefined, 'it did not answer within 200 ms'],
    ['an empty answer', (_, response) => response.end(), 'no signature line'],
    ['something else', (_, response) => response.end('<html>\n'), 'signature line'],
    ['far too much', (_, response) => response.end('x'.repeat(100_000)), 'more than 65536 bytes'],
    ['a size that is none', (_, response) => response.writeHead(409).end('-1\n'), 'whole number'],
    ['an error page that moves the cursor', (_, r) => r.writeHead(500).end('a\u001b[2Jb\nc'), 'it answered 500: a[2Jb'],
  ])('%s', async (_what, listener, says) => {
    const url = await impostor(listener);
    const answer = await cosign({ url, key: stranger }, request(0, 5, 200));
    expect(answer).toMatchObject({ ok: false, why: expect.stringContaining(says) });
  });

  test('a redirect is not followed: it would hand the checkpoint to somebody else', async () => {
    const { url, vkey } = await testWitness([log]);
    const moved = await impostor((_, response) => response.writeHead(307, { location: `${url}/add-checkpoint` }).end());
    const answer = await cosign({ url: moved, key: vkey }, request(0, 5));
    expect(answer).toMatchObject({ ok: false, why: expect.stringContaining('redirect') });
    expect((await cosign({ url, key: vkey }, request(0, 5))).ok).toBe(true);
  });

  test('nobody there, no address, and a key that is none', async () => {
    const dead = await cosign({ url: 'http://127.0.0.1:9', key: stranger }, request(0, 5));
    expect(dead).toMatchObject({ ok: false, why: expect.stringMatching(/ECONNREFUSED|bad port/) });
    expect((await cosign({ url: 'nowhere', key: stranger }, request(0, 5))).ok).toBe(false);
    const logKey = await cosign({ url: 'http://127.0.0.1:9', key: log.key.verifier.vkey }, request(0, 5));
    expect(logKey).toMatchObject({ ok: false, why: expect.stringContaining("not a witness's") });
  });
});
