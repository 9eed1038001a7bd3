import { expect } from 'vitest';
import type { AuditRecord, ChainedRecord } from '../../src/core/record.ts';
import type { Store } from '../../src/store/store.ts';
import { sampleClaim, sampleLines, sampleSession } from './sample-session.ts';
import { linesOf } from './store-under-test.ts';

const ODD = ['\u0000', String.raw`\u0000`, String.raw`\\u0000`, '\\\u0000\\', String.raw`\0`, '\u0001\u0002', '"é" 🙂'];

/** A session of a store of version 1, and how many of its records were stored when it was brought over. */
interface OldSession {
  readonly id: string;
  readonly records: readonly AuditRecord[];
  readonly stored: number;
}

/** A record as version 1 stored it: in columns beside its line. */
export interface OldRecord {
  readonly record: ChainedRecord;
  readonly line: string;
}

/** Sessions that ended and did not, with odd names, users and agents, in the order in which they began: all at one time. */
const SESSIONS: readonly OldSession[] = ['open', 'ended', 'begun', ...ODD, ODD.join(' ')].map((id, index) => {
  const who = index < 3 ? {} : { agent_identity: `${id}/v1`, invoking_user: `user ${id}` };
  const records = sampleSession(id, 3).map((record) => ({ ...record, ...who }));
  return { id, records, stored: { open: 3, ended: records.length }[id] ?? 1 };
});

/** What version 1 stored, in the order in which it was appended. The first call of session `open` was claimed. */
export function oldRecords(): readonly OldRecord[] {
  const begun = SESSIONS.flatMap((session) => oldRecordsOf(session).slice(0, 1));
  return [...begun, ...SESSIONS.flatMap((session) => oldRecordsOf(session).slice(1))];
}

/** The last records of the sessions, in the order in which the sessions began. */
export function oldHeads(): readonly OldRecord[] {
  return SESSIONS.map((session) => oldRecordsOf(session).at(-1)!);
}

/** That a store that held {@link oldRecords} in version 1 is what a new one is after the same appends, and goes on so. */
export async function expectBroughtOver(store: Store, fresh: Store): Promise<void> {
  for (const { id, records } of SESSIONS) await fresh.append(id, records.slice(0, 1));
  for (const { id, records, stored } of SESSIONS) await fresh.append(id, records.slice(0, stored));
  await fresh.append('open', [], sampleClaim(0));
  await expectSame(store, fresh);
  expect(await store.tree.due(null, 99)).toEqual(await fresh.tree.due(null, 99));
  expect(await store.tree.size()).toBe(0);
  for (const each of [store, fresh]) {
    expect(await each.append('open', [], sampleClaim(0))).toMatchObject({ claimed: 'again' });
    const [late] = sampleSession('ended', 0);
    await expect(each.append('ended', [{ ...late!, seq: 8 }])).rejects.toMatchObject({ code: 'SESSION_ENDED' });
    for (const { id, records } of SESSIONS) await each.append(id, records);
    await each.append('after', sampleSession('after', 0));
  }
  await expectSame(store, fresh);
}

async function expectSame(store: Store, fresh: Store): Promise<void> {
  const rows = await Array.fromAsync(fresh.sessions({ order: 'oldest' }));
  expect(await Array.fromAsync(store.sessions({ order: 'oldest' }))).toEqual(rows);
  expect(await Array.fromAsync(store.sessions({}))).toEqual(rows.toReversed());
  for (const { sessionId } of rows) expect(await linesOf(store, sessionId)).toEqual(await linesOf(fresh, sessionId));
}

function oldRecordsOf({ records, stored }: OldSession): readonly OldRecord[] {
  return sampleLines(records.slice(0, stored)).map((line) => ({ line, record: JSON.parse(line) as ChainedRecord }));
}
