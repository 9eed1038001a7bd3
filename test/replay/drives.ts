import type { Aegrail, Session } from '../../src/client.ts';
import { until } from '../fixtures/workflows/until.ts';

/** Where a session is recorded. */
export interface Recording {
  readonly session: Session;
  readonly aegrail: Aegrail;
  /** Keeps a contract of `bot` with other limits. @returns its SHA-256 */
  readonly otherContract: () => Promise<string>;
}

/** What people and programs do to a session while it is recorded. */
export type Drive = (recording: Recording) => Promise<void>;

const BOSS = 'boss@acme.com';

const does = (session: Session, doing: string): Promise<unknown> =>
  until(doing, async () => (await session.view().catch(() => null))?.doing === doing);

/** Cancels it in the middle of a tool. */
export async function cancelInMidTool({ session }: Recording): Promise<void> {
  await does(session, 'waiting for hangs');
  await session.cancel('recorded');
}

/** Approves a call, pauses and resumes, speaks by signal and by update, tops up, and ends it. */
export async function decideAndTopUp({ session }: Recording): Promise<void> {
  const asked = await until('a request', async () => (await session.view().catch(() => null))?.approvals[0]);
  const { request, digest } = asked;
  await session.decide({ request, digest, decision: 'approve', by: BOSS });
  await session.firstReply();
  await session.pause({ by: BOSS, reason: 'lunch' });
  await session.post('thank you', { id: 'thanks' });
  await session.resume({ by: BOSS });
  const reply = session.send('look twice', { id: 'twice' });
  await does(session, 'waiting for a larger budget (aegrail topup)');
  await session.topUp({ maxToolCalls: 5, by: BOSS, reason: 'worth it' });
  await reply;
  await session.end();
}

/** Talks until the conversation was compacted, once. */
export async function talkAtLength({ session }: Recording): Promise<void> {
  await session.firstReply();
  const isCompacted = async (): Promise<boolean> =>
    (await session.view(0)).records.some(({ event }) => event === 'context_compacted');
  for (let index = 0; index < 20 && !(await isCompacted()); index++)
    await session.send(`at length ${index} ${'and so on '.repeat(60)}`, { id: `m${index}` });
  await session.end();
}

/** Moves it to a contract with other limits, between two turns. */
export async function moveToOtherContract({ session, otherContract }: Recording): Promise<void> {
  await session.firstReply();
  await session.migrate({ sha256: await otherContract(), by: BOSS, reason: 'more to do' });
  await session.send('thank you', { id: 'thanks' });
  await session.end();
}
