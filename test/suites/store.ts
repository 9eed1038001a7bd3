import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { verifyLog } from '../../src/audit/verify.ts';
import { lineOf } from '../../src/core/chain.ts';
import { AegrailError } from '../../src/core/errors.ts';
import type { AuditRecord, ChainedRecord } from '../../src/core/record.ts';
import type { Claim, Store } from '../../src/store/store.ts';
import { sampleClaim, sampleLines, sampleSession, sha256 } from './sample-session.ts';
import { blobTests } from './store-blobs.ts';
import { endTests } from './store-end.ts';
import { sessionTests } from './store-sessions.ts';
import { switchTests } from './store-switches.ts';
import { treeTests } from './store-tree.ts';
import { headOf, linesOf, rowOf, type StoreUnderTest } from './store-under-test.ts';

/** What holds for every store. */
export function storeSuite(name: string, open: () => Promise<StoreUnderTest>): void {
  describe(name, () => {
    let under: StoreUnderTest;
    let store: Store;

    beforeEach(async () => {
      under = await open();
      store = under.store;
    });
    afterEach(async () => under.dispose());

    test('appends, chains and gives back what was appended', async () => {
      const records = sampleSession('s1', 2);
      const first = await store.append('s1', records.slice(0, 2));
      const second = await store.append('s1', records.slice(2));
      const lines = [...first.added, ...second.added].map(lineOf);
      expect(lines).toEqual(sampleLines(records));
      expect([first.lastSeq, second.lastSeq]).toEqual([1, records.length - 1]);
      expect(await linesOf(store, 's1')).toEqual(lines);
      expect(await linesOf(store, 's1', 3)).toEqual(lines.slice(3));
      expect(await store.record('s1', 2)).toEqual(JSON.parse(lines[2]!));
      expect(await store.record('s1', 99)).toBeNull();
      expect(await linesOf(store, 'nobody')).toEqual([]);
    });

    test('keeps what was appended for the next process', async () => {
      const records = sampleSession('s1', 1);
      await store.append('s1', records);
      const other = await under.another();
      expect(await linesOf(other, 's1')).toEqual(sampleLines(records));
      await other.close();
    });

    test('appending again changes nothing, and tells how far the log is', async () => {
      const records = sampleSession('s1', 2);
      await store.append('s1', records);
      expect(await store.append('s1', records)).toEqual({ added: [], lastSeq: records.length - 1, claimed: null });
      expect(await store.append('s1', records.slice(1, 2))).toMatchObject({ added: [], lastSeq: records.length - 1 });
      expect(await store.append('s1', [])).toMatchObject({ added: [], lastSeq: records.length - 1 });
      expect(await store.append('s2', [])).toEqual({ added: [], lastSeq: -1, claimed: null });
      expect(await store.append('s1', (await all(store, 's1')) as AuditRecord[])).toMatchObject({ added: [] });
      expect(await linesOf(store, 's1')).toEqual(sampleLines(records));
    });

    test('a batch may say the same thing twice', async () => {
      const [start, admitted] = sampleSession('s1', 1);
      const { added } = await store.append('s1', [start!, start!, admitted!, start!]);
      expect(added.map(({ seq }) => seq)).toEqual([0, 1]);
    });

    test('overlapping batches in any order give one chain', async () => {
      const anyBatch = fc.tuple(fc.nat({ max: 9 }), fc.integer({ min: 1, max: 5 }));
      let run = 0;
      await fc.assert(
        fc.asyncProperty(fc.array(anyBatch, { maxLength: 20 }), async (batches) => {
          const id = `s${run++}`;
          const records = sampleSession(id, 4);
          let stored = 0;
          await Promise.all(
            batches.map(async ([from, count]) => {
              // A batch that would leave a gap is refused and changes nothing.
              await store.append(id, records.slice(from, from + count)).catch(expectFork);
            }),
          );
          for (const [from, count] of batches)
            if (from <= stored) stored = Math.max(stored, Math.min(from + count, records.length));
          expect(await linesOf(store, id)).toEqual(sampleLines(records).slice(0, stored));
        }),
        { numRuns: 30 },
      );
    });

    test('refuses a fork, and names session and seq', async () => {
      const records = sampleSession('s1', 2);
      await store.append('s1', records);
      const other = { ...records[1]!, invoking_user: 'eve@acme.com' };
      await expect(store.append('s1', [other])).rejects.toMatchObject({
        code: 'AUDIT_FORK',
        message: 'record 1 of session s1 differs from the one that is stored',
      });
      await expect(
        store.append('s2', [
          ...sampleSession('s2', 0),
          { ...sampleSession('s2', 0)[0]!, ts: '2026-01-01T00:00:00.000Z' },
        ]),
      ).rejects.toMatchObject({ code: 'AUDIT_FORK' });
      expect(await linesOf(store, 's1')).toEqual(sampleLines(records));
      expect(await linesOf(store, 's2')).toEqual([]);
    });

    test('refuses a gap and another session', async () => {
      const records = sampleSession('s1', 2);
      await expect(store.append('s1', records.slice(1))).rejects.toMatchObject({
        code: 'AUDIT_FORK',
        message: 'record 1 of session s1 would leave a gap: the last one stored is -1',
      });
      await store.append('s1', records.slice(0, 1));
      await expect(store.append('s1', records.slice(2))).rejects.toMatchObject({
        code: 'AUDIT_FORK',
        message: 'record 2 of session s1 would leave a gap: the last one stored is 0',
      });
      await expect(store.append('s2', records)).rejects.toMatchObject({
        code: 'AUDIT_FORK',
        message: 'record 0 of session s2 belongs to session s1',
      });
    });

    test('all of a batch or nothing', async () => {
      const records = sampleSession('s1', 2);
      const bad = { ...records[2]!, payload: { n: NaN } } as unknown as AuditRecord;
      await expect(store.append('s1', [records[0]!, records[1]!, bad])).rejects.toThrow(/NaN/);
      await expect(store.append('s1', [records[0]!, records[1]!, records[3]!])).rejects.toMatchObject({
        code: 'AUDIT_FORK',
      });
      expect(await linesOf(store, 's1')).toEqual([]);
      expect((await store.append('s1', records)).added).toHaveLength(records.length);
    });

    test('reads a log longer than a page, also while it grows', async () => {
      const records = sampleSession('s1', 700);
      await store.append('s1', records.slice(0, 1000));
      const seqs: number[] = [];
      for await (const record of store.records('s1')) {
        if (seqs.length === 3) await store.append('s1', records.slice(1000));
        seqs.push(record.seq);
      }
      expect(seqs).toEqual(records.map(({ seq }) => seq));
      expect(await verifyLog(sampleLines(await all(store, 's1')))).toMatchObject({ ok: true });
    });

    test('records and the claim of the call that they admit go together', async () => {
      const records = sampleSession('s1', 2, false);
      const first = await store.append('s1', records.slice(0, 2), sampleClaim(0));
      expect(first).toMatchObject({ added: [{ seq: 0 }, { seq: 1 }], lastSeq: 1, claimed: 'first' });
      const second = await store.append('s1', records.slice(2, 4), sampleClaim(1));
      expect(second).toMatchObject({ added: [{ seq: 2 }, { seq: 3 }], lastSeq: 3, claimed: 'first' });
      expect(await linesOf(store, 's1')).toEqual(sampleLines(records.slice(0, 4)));
    });

    test('a call whose record was stored before is claimed too, with records of later calls or without', async () => {
      const records = sampleSession('s1', 3, false);
      await store.append('s1', records.slice(0, 4));
      expect(await store.append('s1', [], sampleClaim(0))).toEqual({ added: [], lastSeq: 3, claimed: 'first' });
      const second = await store.append('s1', records.slice(2), sampleClaim(1));
      expect(second).toMatchObject({ added: [{ seq: 4 }, { seq: 5 }, { seq: 6 }], lastSeq: 6, claimed: 'first' });
    });

    test('a second claim is told so, and brings nothing into the log', async () => {
      const records = sampleSession('s1', 2, false);
      await store.append('s1', records.slice(0, 2), sampleClaim(0));
      for (const batch of [[], records.slice(0, 2), records]) {
        expect(await store.append('s1', batch, sampleClaim(0))).toEqual({ added: [], lastSeq: 1, claimed: 'again' });
      }
      expect(await linesOf(store, 's1')).toEqual(sampleLines(records.slice(0, 2)));
      // The same seq of another session is another call.
      const others = await store.append('s2', sampleSession('s2', 1), sampleClaim(0));
      expect(others.claimed).toBe('first');
    });

    test.each<[string, Partial<Claim>]>([
      ['another digest', { digest: sha256('call 1') }],
      ['another event', { event: 'llm_admitted' }],
      ['a record that admits nothing', { seq: 0 }],
      ['a record that settles', { seq: 2 }],
      ['a record that nobody has', { seq: 99 }],
    ])('a claim with %s is not admitted, and nothing of it stays', async (_what, change) => {
      const records = sampleSession('s1', 2, false);
      const claim = { ...sampleClaim(0), ...change };
      // Riding along, stored before, and both.
      expect(await store.append('s1', records, claim)).toEqual({ added: [], lastSeq: -1, claimed: 'not_admitted' });
      expect(await linesOf(store, 's1')).toEqual([]);
      await store.append('s1', records.slice(0, 3));
      expect(await store.append('s1', records, claim)).toEqual({ added: [], lastSeq: 2, claimed: 'not_admitted' });
      expect(await store.append('s1', [], claim)).toEqual({ added: [], lastSeq: 2, claimed: 'not_admitted' });
      expect(await linesOf(store, 's1')).toEqual(sampleLines(records.slice(0, 3)));
      // The refused tries took nobody's right away.
      expect((await store.append('s1', records, sampleClaim(0))).claimed).toBe('first');
    });

    test('records that are refused claim nothing', async () => {
      const records = sampleSession('s1', 2, false);
      await store.append('s1', records.slice(0, 2));
      const forged = { ...records[1]!, invoking_user: 'eve@acme.com' } as AuditRecord;
      const bad = { ...records[2]!, payload: { n: NaN } } as unknown as AuditRecord;
      await expect(store.append('s1', [forged], sampleClaim(0))).rejects.toMatchObject({ code: 'AUDIT_FORK' });
      await expect(store.append('s1', records.slice(3), sampleClaim(0))).rejects.toMatchObject({ code: 'AUDIT_FORK' });
      await expect(store.append('s1', [records[1]!, bad], sampleClaim(0))).rejects.toThrow(/NaN/);
      expect((await store.append('s1', [], sampleClaim(0))).claimed).toBe('first');
    });

    test('of stores that race for a claim exactly one wins, whatever they bring along', async () => {
      const other = await under.another();
      for (let round = 0; round < 20; round++) {
        const id = `s${round}`;
        const records = sampleSession(id, 3, false);
        // Nothing is stored yet; the admission is; or it is, and some bring what comes after it.
        if (round % 3 > 0) await store.append(id, records.slice(0, 2));
        const longer = round % 3 === 2 ? records : records.slice(0, 2);
        const ends = await Promise.all([
          store.append(id, records.slice(0, 2), sampleClaim(0)),
          other.append(id, longer, sampleClaim(0)),
          store.append(id, longer, sampleClaim(0)),
          other.append(id, records.slice(0, 2), sampleClaim(0)),
        ]);
        const [won, ...more] = ends.filter(({ claimed }) => claimed === 'first');
        expect(more).toEqual([]);
        expect(ends.filter(({ claimed }) => claimed === 'again')).toHaveLength(3);
        expect(await linesOf(store, id)).toEqual(sampleLines(records).slice(0, won!.lastSeq + 1));
        for (const { claimed, added } of ends) if (claimed === 'again') expect(added).toEqual([]);
      }
      await other.close();
    });

    test('a claim is not lost to an append of another store in between', async () => {
      const other = await under.another();
      for (let round = 0; round < 20; round++) {
        const id = `s${round}`;
        const records = sampleSession(id, 2, false);
        if (round % 2 > 0) await store.append(id, records.slice(0, 1));
        const [claiming] = await Promise.all([
          store.append(id, records.slice(0, 4), sampleClaim(1)),
          other.append(id, records.slice(0, 2)),
          other.append(id, records.slice(0, 3)),
        ]);
        expect(claiming).toMatchObject({ claimed: 'first', lastSeq: 3 });
        expect(await linesOf(store, id)).toEqual(sampleLines(records.slice(0, 4)));
      }
      await other.close();
    });

    test('odd session ids are just text', async () => {
      for (const id of ["a'; DROP TABLE records; --", 'ü/🙂 %_', '__proto__', 'a\u0000b']) {
        await store.append(id, sampleSession(id, 0));
        expect(await linesOf(store, id)).toEqual(sampleLines(sampleSession(id, 0)));
        expect(await rowOf(store, id)).toMatchObject({ sessionId: id, lastSeq: 1 });
      }
    });

    test('closing twice is fine, and a closed store says what it is', async () => {
      await store.close();
      await store.close();
      await expect(store.append('s1', sampleSession('s1', 0))).rejects.toMatchObject({ code: 'AUDIT_UNAVAILABLE' });
    });

    test('processes append to the same and to their own sessions, and every log verifies', async () => {
      const own = ['p1', 'p2', 'p3'];
      const children = own.map((id) => appender(under.url, 60, 3, ['shared', id]));
      expect(await runTogether(children)).toEqual([0, 0, 0]);
      for (const id of [...own, 'shared']) {
        const lines = sampleLines(sampleSession(id, 60));
        expect(await linesOf(store, id)).toEqual(lines);
        expect(await rowOf(store, id)).toMatchObject(headOf(lines));
      }
      expect(await Array.fromAsync(store.sessions({}))).toHaveLength(4);
    });

    test.each([1, 2, 5])(
      'a process that is killed during append %i leaves no part of it, and another goes on',
      async (appends) => {
        const records = sampleSession('killed', 1000);
        const child = appender(under.url, 1000, 100, ['killed']);
        await once(child, 'message');
        child.send('go');
        for (let heard = 0; heard < appends; heard++) await once(child, 'message');
        child.kill('SIGKILL');
        await once(child, 'exit');
        const lines = await linesOf(store, 'killed');
        expect(lines.length).toBeGreaterThanOrEqual(100 * (appends - 1));
        expect(lines.length % 100).toBe(0);
        expect(lines).toEqual(sampleLines(records).slice(0, lines.length));
        expect(await Array.fromAsync(store.sessions({}))).toMatchObject(lines.length === 0 ? [] : [headOf(lines)]);
        await store.append('killed', records);
        expect(await verifyLog(await linesOf(store, 'killed'))).toMatchObject({ ok: true, records: records.length });
      },
    );

    describe('the end', () => endTests(() => store));
    describe('sessions', () => sessionTests(() => under));
    describe('blobs', () => blobTests(() => under));
    describe('the kill switches', () => switchTests(() => under));
    describe('the log of logs', () => treeTests(() => under));
  });
}

/** A process that, told to go, appends sample sessions in batches, and sends a message before each. */
function appender(url: string, calls: number, batch: number, sessions: readonly string[]): ChildProcess {
  const program = new URL('../store/append-child.ts', import.meta.url);
  return fork(program, [url, String(calls), String(batch), ...sessions], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
}

/** Lets processes go at the same time, when all are ready, and returns their exit codes. */
async function runTogether(children: readonly ChildProcess[]): Promise<number[]> {
  await Promise.all(children.map((child) => once(child, 'message')));
  const ends = children.map(async (child) => (await once(child, 'exit'))[0] as number);
  for (const child of children) child.send('go');
  return await Promise.all(ends);
}

async function all(store: Store, sessionId: string, fromSeq?: number): Promise<ChainedRecord[]> {
  const records: ChainedRecord[] = [];
  for await (const record of store.records(sessionId, fromSeq)) records.push(record);
  return records;
}

function expectFork(error: unknown): void {
  expect(error).toBeInstanceOf(AegrailError);
  expect((error as AegrailError).code).toBe('AUDIT_FORK');
}
