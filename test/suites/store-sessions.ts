import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import type { AuditRecord } from '../../src/core/record.ts';
import type { Store } from '../../src/store/store.ts';
import type { SessionQuery, SessionRow } from '../../src/store/tree-store.ts';
import { sampleLines, sampleSession } from './sample-session.ts';
import { headOf, idsOf, linesOf, rowOf, type StoreUnderTest } from './store-under-test.ts';

const IDENTITIES = ['bot/v1', 'bot/v2', 'bot-x/v1', 'bots/v1', 'bo/v1', 'Bot/v1'];
const AGENTS = ['bot', 'bo', 'bots', 'bot/v1', 'bot/v', 'b', 'nobody'];
const USERS = ['ann', 'bob', 'ANN', '%', 'a_n'];
/** In a row: the 1st to the 9th of a month. */
const DAYS = Array.from({ length: 9 }, (_, day) => `2026-01-0${day + 1}T00:00:00.000Z`);

/** What holds for the index of sessions in every store. */
export function sessionTests(under: () => StoreUnderTest): void {
  test('a row follows its log', async () => {
    const { store } = under();
    const records = sampleSession('s1', 1);
    const lines = sampleLines(records);
    const start = {
      sessionId: 's1',
      agentIdentity: 'support-bot/v1',
      invokingUser: 'ada@acme.com',
      started: records[0]!.ts,
      sealedSeq: -1,
    };
    for (const [from, to] of [
      [0, 1],
      [1, 3],
      [0, 4],
    ]) {
      await store.append('s1', records.slice(from, to));
      expect(await Array.fromAsync(store.sessions({}))).toEqual([
        { ...start, ...headOf(lines.slice(0, to)), ended: to === 4 },
      ]);
    }
    // What is refused leaves it as it was.
    const late = { ...records[1]!, seq: 4 } as AuditRecord;
    await expect(store.append('s1', [late])).rejects.toMatchObject({ code: 'SESSION_ENDED' });
    await store.append('s2', []);
    expect(await Array.fromAsync(store.sessions({}))).toEqual([{ ...start, ...headOf(lines), ended: true }]);
  });

  test('a session that is reset after its end is open again', async () => {
    const { store } = under();
    const records = sampleSession('s1', 0);
    const payload = { from_run_id: 'a', to_run_id: 'b', at_seq: 1, in_flight: 0 };
    await store.append('s1', records);
    expect(await idsOf(store, { open: true })).toEqual([]);
    await store.append('s1', [{ ...records[0]!, seq: 2, event: 'session_reset', payload }]);
    expect(await idsOf(store, { open: true })).toEqual(['s1']);
    expect(await rowOf(store, 's1')).toMatchObject({ ended: false, lastSeq: 2 });
  });

  test('lists sessions by start, the newest first unless asked otherwise', async () => {
    const { store } = under();
    for (const [index, id] of ['a', 'b', 'c'].entries())
      await store.append(id, [startOf(id, DAYS[[1, 2, 0][index]!]!)]);
    expect(await idsOf(store, {})).toEqual(['b', 'a', 'c']);
    expect(await idsOf(store, { limit: 2 })).toEqual(['b', 'a']);
    expect(await idsOf(store, { order: 'oldest', limit: 2 })).toEqual(['c', 'a']);
    expect(await idsOf(store, { limit: 0 })).toEqual([]);
  });

  test('lists more sessions than a page has, in order, those that started at once as they came', async () => {
    const { store } = under();
    const sessions = Array.from({ length: 1100 }, (_, index) => ({ id: `s.${index}`, ts: DAYS[(index * 7) % 3]! }));
    await inTens(sessions, async ({ id, ts }) => store.append(id, [startOf(id, ts)]));
    const oldest = await Array.fromAsync(store.sessions({ order: 'oldest' }));
    expect(oldest.map(({ sessionId }) => sessionId).toSorted()).toEqual(sessions.map(({ id }) => id).toSorted());
    expect(oldest.map(({ started }) => started)).toEqual(sessions.map(({ ts }) => ts).toSorted());
    const ids = oldest.map(({ sessionId }) => sessionId);
    expect(await idsOf(store, {})).toEqual(ids.toReversed());
    for (const limit of [499, 500, 501, 1000, 2000]) {
      expect(await idsOf(store, { order: 'oldest', limit })).toEqual(ids.slice(0, limit));
    }
    expect(await idsOf(store, { sessionId: 's', below: true, order: 'oldest' })).toEqual(ids);
    // Those of one start as they were inserted: the tens came one after another.
    const tens = oldest.filter(({ started }) => started === DAYS[0]).map(({ sessionId }) => Number(sessionId.slice(2)));
    for (const [index, number] of tens.entries()) expect(number - (tens[index + 10] ?? Infinity)).toBeLessThan(0);
  });

  test('selects as a plain filter does', async () => {
    const { store } = under();
    const rows = await fill(store);
    await fc.assert(
      fc.asyncProperty(anyQuery, async (query) => {
        expect(await Array.fromAsync(store.sessions(query))).toEqual(filtered(rows, query));
      }),
      { numRuns: 150 },
    );
  });

  test('a session with all below it: by their ids, whatever is in them', async () => {
    const { store } = under();
    const tops = [
      's',
      's.3',
      'a_b',
      'axb',
      'a%',
      '%',
      '',
      '.',
      'a\u0000',
      String.raw`a\0`,
      String.raw`a\\0`,
      'É🙂',
      '?',
      '$1',
    ];
    const beside = tops.flatMap((top) => [
      `${top}.1`,
      `${top}.1.20`,
      `${top}-1`,
      `${top}/1`,
      `${top}1`,
      `x${top}.1`,
      `.${top}`,
    ]);
    const ids = [...new Set([...tops, ...beside, 'S.1', 's.', 'ab.1', 's.3\u0000.1'])];
    await inTens(ids, async (id) => store.append(id, [startOf(id, DAYS[0]!)]));
    for (const top of tops) {
      const found = await idsOf(store, { sessionId: top, below: true });
      const expected = ids.filter((id) => id === top || id.startsWith(`${top}.`));
      expect(found.toSorted()).toEqual(expected.toSorted());
      expect(await idsOf(store, { sessionId: top })).toEqual([top]);
    }
    expect(await idsOf(store, { sessionId: 'nobody', below: true })).toEqual([]);
    // One of which only those below it are there.
    expect(await idsOf(store, { sessionId: 'ab', below: true })).toEqual(['ab.1']);
  });

  test('odd texts select, and come back, as they are', async () => {
    const { store } = under();
    const odd = [
      'a\u0000b',
      String.raw`a\0b`,
      String.raw`a\\0b`,
      String.raw`\u0000`,
      "'; DROP TABLE sessions; --",
      '?',
      '$1',
    ];
    for (const id of odd) {
      const record = { ...startOf(id, DAYS[0]!), agent_identity: `${id}/v1`, invoking_user: id };
      await store.append(id, [record]);
    }
    for (const id of odd) {
      expect(await rowOf(store, id)).toMatchObject({ sessionId: id, agentIdentity: `${id}/v1`, invokingUser: id });
      for (const query of [{ user: id }, { agent: id }, { agent: `${id}/v1` }]) {
        expect(await idsOf(store, query)).toEqual([id]);
      }
    }
  });

  test('lines of many megabytes come in order, from anywhere', async () => {
    const { store } = under();
    const short = sampleSession('s1', 5, false);
    const big = 'é'.repeat(1_500_000);
    const records = short.map((record) =>
      record.seq % 3 === 1 ? { ...record, invoking_user: `${record.seq} ${big}` } : record,
    );
    for (const record of records) await store.append('s1', [record]);
    const lines = sampleLines(records);
    for (const from of [0, 1, 2, 7]) {
      const read = await linesOf(store, 's1', from);
      expect(read.length).toBe(lines.length - from);
      expect(read.every((line, index) => line === lines[from + index])).toBe(true);
    }
  });
}

function startOf(id: string, ts: string): AuditRecord {
  return { ...sampleSession(id, 0)[0]!, ts };
}

/** Runs work for ten at a time. */
async function inTens<T>(all: readonly T[], work: (one: T) => Promise<unknown>): Promise<void> {
  for (let from = 0; from < all.length; from += 10) await Promise.all(all.slice(from, from + 10).map(work));
}

/** Stores sessions of many kinds. @returns their rows, in the order in which they were inserted */
async function fill(store: Store): Promise<readonly SessionRow[]> {
  const rows: SessionRow[] = [];
  for (let index = 0; index < 60; index++) {
    // Some work for others.
    const id = index % 4 === 3 ? `s${index - 2}.${index}` : `s${index}`;
    const first = (index * 5) % 7;
    const who = {
      agent_identity: IDENTITIES[index % IDENTITIES.length]!,
      invoking_user: USERS[(index * 3) % USERS.length]!,
    };
    const records = sampleSession(id, 1, index % 4 !== 0).map((record) => ({
      ...record,
      ...who,
      ts: DAYS[record.seq === 0 ? first : first + (index % 3)]!,
    }));
    await store.append(id, records);
    rows.push({
      sessionId: id,
      agentIdentity: who.agent_identity,
      invokingUser: who.invoking_user,
      started: DAYS[first]!,
      ...headOf(sampleLines(records)),
      ended: index % 4 !== 0,
      sealedSeq: -1,
    });
  }
  return rows;
}

const anyQuery: fc.Arbitrary<SessionQuery> = fc.record(
  {
    sessionId: fc.constantFrom('s1', 's17', 'nobody'),
    below: fc.constant(true as const),
    agent: fc.constantFrom(...AGENTS),
    user: fc.constantFrom(...USERS, 'nobody'),
    since: fc.constantFrom(...DAYS),
    until: fc.constantFrom(...DAYS),
    open: fc.constant(true as const),
    order: fc.constantFrom('newest', 'oldest'),
    limit: fc.nat({ max: 20 }),
  },
  { requiredKeys: [] },
);

function filtered(rows: readonly SessionRow[], query: SessionQuery): readonly SessionRow[] {
  const { sessionId, below, agent, user, since, until, open, order, limit } = query;
  const found = rows.filter(
    (row) =>
      (sessionId === undefined ||
        row.sessionId === sessionId ||
        (below && row.sessionId.startsWith(`${sessionId}.`))) &&
      (agent === undefined || row.agentIdentity === agent || row.agentIdentity.split('/')[0] === agent) &&
      (user === undefined || row.invokingUser === user) &&
      (since === undefined || row.lastTs >= since) &&
      (until === undefined || row.started < until) &&
      (open === undefined || !row.ended),
  );
  // A sort keeps the order of those that started at once.
  const oldest = found.toSorted((a, b) => (a.started < b.started ? -1 : Number(a.started > b.started)));
  return (order === 'oldest' ? oldest : oldest.toReversed()).slice(0, limit);
}
