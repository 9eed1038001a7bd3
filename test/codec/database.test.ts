import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, inject, test } from 'vitest';
import { generatePayloadKey } from '../../src/codec/keys.ts';
import { startDevServer } from '../../src/devserver/server.ts';
import { playWords, WORDS, wordsStack } from './words-session.ts';

/** Plays sessions on a server of their own. @returns every word with whether the server's files have it, while it runs and after */
async function wordsInDatabase(payloadKeys: string | undefined): Promise<Record<string, boolean>> {
  const dir = await mkdtemp(join(tmpdir(), 'aegrail-db-'));
  const server = await startDevServer({ binary: inject('temporalBinary'), dbFile: join(dir, 'temporal.db') });
  try {
    const stack = await wordsStack(server.address, payloadKeys);
    try {
      await playWords(stack);
    } finally {
      // Every session's history is replayed here, and gives the stored log.
      await stack.close();
    }
    const running = await found(dir);
    await server.stop();
    const stopped = await found(dir);
    return Object.fromEntries(Object.keys(WORDS).map((name) => [name, running.has(name) || stopped.has(name)]));
  } finally {
    await server.stop();
    await rm(dir, { recursive: true });
  }
}

/** Names of the words that are in any file of a folder: the database, its WAL, its journal. */
async function found(dir: string): Promise<Set<string>> {
  const files = await Promise.all((await readdir(dir)).map((name) => readFile(join(dir, name))));
  expect(files.reduce((bytes, file) => bytes + file.length, 0)).toBeGreaterThan(100_000);
  const words = Object.entries(WORDS).filter(([, word]) => files.some((file) => file.includes(word)));
  return new Set(words.map(([name]) => name));
}

const all = (there: boolean): Record<string, boolean> =>
  Object.fromEntries(Object.keys(WORDS).map((name) => [name, there]));

/** Texts of tools and models are in the store, and Temporal has their SHA-256: encrypted or not, it never sees them. */
const IN_STORE_ALONE = { result: false, failedTool: false, modelText: false, modelFailure: false };

test(
  'without encryption the server’s database has the words: what follows can fail',
  { timeout: 120_000 },
  async () => {
    expect(await wordsInDatabase(undefined)).toEqual({ ...all(true), ...IN_STORE_ALONE });
  },
);

test('with encryption it has none of them', { timeout: 120_000 }, async () => {
  expect(await wordsInDatabase(generatePayloadKey())).toEqual(all(false));
});
