import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { cosignedAt } from '../../src/signing/cosignature.ts';
import { generateSkey, parseSkey, parseVkey, type VerifierKey } from '../../src/signing/key.ts';
import { openKeyring } from '../../src/signing/keyring.ts';
import { parseNote } from '../../src/signing/note.ts';
import { serveWitness } from '../../src/witness/server.ts';
import { openWitnessState } from '../../src/witness/state.ts';
import { sampleSession } from '../suites/sample-session.ts';
import { office, type Office, verifyTree } from './kit.ts';
import { ORIGIN } from './sample-log.ts';

interface RunningWitness {
  readonly url: string;
  readonly key: string;
  readonly verifier: VerifierKey;
  stop(): Promise<void>;
}

/** The package's own witness, which trusts an office's key. */
async function startWitness(
  { dir, keys }: Office,
  name: string,
  { skey = generateSkey(name, 'cosignature'), folder = name, port = 0 } = {},
): Promise<RunningWitness> {
  const key = parseSkey(skey, 'cosignature');
  const state = openWitnessState(join(dir, folder));
  const trusted = [openKeyring({ origin: ORIGIN, keys }, dir, {}).active().verifier];
  const witness = { key, trusted, state, now: () => Date.now() };
  const server = await serveWitness(witness, { host: '127.0.0.1', port }, (error) => {
    throw error;
  });
  const stop = async (): Promise<void> => {
    await server.close();
    state.close();
  };
  onTestFinished(stop);
  return { url: server.url, key: key.verifier.vkey, verifier: key.verifier, stop };
}

/** A server that takes requests, and never answers. */
async function startSilent(): Promise<{ readonly url: string; readonly asked: () => number }> {
  let asked = 0;
  const server: Server = createServer(() => void (asked += 1));
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked: () => asked };
}

/** Which of the witnesses cosigned each checkpoint of a store. */
async function cosigners({ store }: Office, witnesses: readonly RunningWitness[]): Promise<string[][]> {
  const notes = (await Array.fromAsync(store.tree.checkpoints())).map((note) => parseNote(note));
  return notes.map(({ text, signatures }) =>
    witnesses
      .filter(({ verifier }) => signatures.some((signature) => cosignedAt(text, signature, verifier) !== null))
      .map(({ verifier }) => verifier.name),
  );
}

test('witnesses cosign what is stored and published, over growth, idleness and a new process', async () => {
  const here = await office();
  const witnesses = [await startWitness(here, 'w1.example.com'), await startWitness(here, 'w2.example.com')];
  let notary = here.notary({ witnesses });
  for (let round = 0; round < 6; round++) {
    // Not in the third: an idle checkpoint is cosigned as well.
    if (round !== 2)
      for (const n of [0, 1, 2]) await here.store.append(`${round}-${n}`, sampleSession(`${round}-${n}`, 1));
    if (round === 4) notary = here.notary({ witnesses });
    await notary.tick({ all: true });
  }
  expect(here.said).toEqual([]);
  const both = ['w1.example.com', 'w2.example.com'];
  expect(await cosigners(here, witnesses)).toEqual(Array.from({ length: 6 }, () => both));
  expect(here.published).toEqual(await Array.fromAsync(here.store.tree.checkpoints()));
  await verifyTree(here.store);
});

test('a witness that comes later, or missed some, is told from what it has seen', async () => {
  const here = await office();
  const grow = async (id: string): Promise<void> => void (await here.store.append(id, sampleSession(id, 1)));
  await grow('s1');
  await here.notary().tick({ all: true });
  const late = await startWitness(here, 'late.example.com');
  await here.notary({ witnesses: [late] }).tick({ all: true });
  for (const id of ['s2', 's3', 's4', 's5']) {
    await grow(id);
    await here.notary().tick({ all: true });
  }
  await grow('s6');
  await here.notary({ witnesses: [late] }).tick({ all: true });
  const seen = await cosigners(here, [late]);
  expect(seen.map(({ length }) => length)).toEqual([0, 1, 0, 0, 0, 0, 1]);
  expect(here.said).toEqual([]);
});

test('one that is down and one that is silent cost 3 seconds together, are told once a minute, and stop nothing', async () => {
  const here = await office();
  const good = await startWitness(here, 'good.example.com');
  const silent = await startSilent();
  const closed = { url: 'http://127.0.0.1:9', key: good.key };
  const witnesses = [closed, { url: silent.url, key: good.key }, { url: `${silent.url}/other`, key: good.key }, good];
  const notary = here.notary({ witnesses });
  const from = performance.now();
  expect(await notary.tick()).toMatchObject({ outcome: 'signed' });
  const tookMs = performance.now() - from;
  expect(tookMs).toBeGreaterThan(2_900);
  expect(tookMs).toBeLessThan(4_500);
  await notary.tick({ all: true });
  expect(silent.asked()).toBe(4);
  expect(here.said.filter((line) => line.includes(`${silent.url} `))).toHaveLength(1);
  expect(here.said).toHaveLength(3);
  expect(here.said.join('\n')).toMatch(/127\.0\.0\.1:9 did not cosign a checkpoint, which goes without it: /);
  expect(await cosigners(here, [good])).toEqual([['good.example.com'], ['good.example.com']]);
  await verifyTree(here.store);
});

test('a witness that saw another tree does not stop the log, and is told', async () => {
  const here = await office();
  const witness = await startWitness(here, 'w.example.com');
  for (const id of ['a', 'b', 'c']) await here.store.append(id, sampleSession(id, 1));
  await here.notary({ witnesses: [witness] }).tick();
  const { url, key } = witness;
  const other = await office();
  const keyring = openKeyring({ origin: ORIGIN, keys: here.keys }, here.dir, {});
  const forked = other.notary({ keyring, witnesses: [{ url, key }] });
  expect(await forked.tick()).toMatchObject({ outcome: 'signed' });
  await other.store.append('x', sampleSession('x', 1));
  for (const id of ['y', 'z', 'q', 'r']) await other.store.append(id, sampleSession(id, 1));
  other.clock.ms += 60_000;
  expect(await forked.tick()).toMatchObject({ outcome: 'signed' });
  expect(other.said).toHaveLength(2);
  expect(other.said[0]).toMatch(/cosigned a tree of 4 entries last/);
  expect(other.said[1]).toMatch(/422/);
  expect(parseVkey(key, 'cosignature').name).toBe('w.example.com');
});

test('a witness that has forgotten what it cosigned is not led through the whole log again, and is told', async () => {
  const here = await office();
  const skey = generateSkey('w.example.com', 'cosignature');
  const witness = await startWitness(here, 'w.example.com', { skey });
  const notary = here.notary({ witnesses: [witness] });
  await here.store.append('a', sampleSession('a', 1));
  await notary.tick({ all: true });
  await witness.stop();
  const port = Number(new URL(witness.url).port);
  await startWitness(here, 'w.example.com', { skey, folder: 'an-older-copy', port });
  await here.store.append('b', sampleSession('b', 1));
  expect(await notary.tick({ all: true })).toMatchObject({ outcome: 'signed' });
  expect(here.said.join()).toMatch(/cosigned a tree of 0 entries last.*; it cosigned a larger tree before/);
  expect((await cosigners(here, [witness])).map(({ length }) => length)).toEqual([1, 0]);
});
