import { AegrailError, type ErrorCode } from '../../src/core/errors.ts';
import { DECIDE } from '../../src/protocol.ts';
import type { Driven } from './kinds.ts';
import type { Waiting } from './look.ts';
import { workText } from './script.ts';

/** How often people look whether a session waits for them. */
const LOOK_MS = 400;
const OPERATOR = 'olga@ops.com';

/** Two people approve or deny what waits, and one tries who may not. */
export async function decideAll(driven: Driven): Promise<void> {
  await whileItRuns(driven, async () => {
    const { approvals } = await driven.patience.until('a look at approvals', () => driven.lookAt(driven.session));
    for (const approval of approvals) await decideOne(driven, approval);
  });
}

async function decideOne(
  { session, random, patience }: Driven,
  { request, digest, approvedBy }: Waiting,
): Promise<void> {
  const by = random.chance(0.1) ? 'mallory@evil.com' : approvedBy.length === 0 ? OPERATOR : 'otto@ops.com';
  const decision = { request, digest, decision: random.chance(0.8) ? 'approve' : 'deny', by } as const;
  if (random.chance(0.3)) {
    await patience.until('a decision by signal', () => session.handle.signal(DECIDE, decision));
    return;
  }
  // An answer that was lost makes the next try a second decision, which is refused.
  await unless(
    ['APPROVAL_REFUSED'],
    patience.until('a decision', () => session.decide(decision)),
  );
}

/** Says some things, by update and by signal, some of them twice, and ends the conversation. */
export async function talk({ session, random, patience, told }: Driven): Promise<void> {
  const count = random.whole(4, 9);
  const say = async (id: string): Promise<void> => {
    const text = workText({ id: `${session.id}/${id}`, turns: random.whole(0, 2), tools: ['once', 'again'] });
    const times = random.chance(0.3) ? 2 : 1;
    const send = random.chance(0.6);
    for (let time = 0; time < times; time++) {
      if (send) await patience.until(`message ${id}`, () => session.send(text, { id }));
      else await patience.until(`message ${id}`, () => session.post(text, { id }));
    }
    told.messages.push(id);
  };
  for (let from = 0; from < count; from += 3) {
    await Promise.all(Array.from({ length: Math.min(3, count - from) }, (_, index) => say(`m${from + index}`)));
    await patience.sleep(random.whole(0, 1_500));
  }
  await patience.until('the end of a talk', () => session.end());
}

/** Raises the budget each time it is asked for, and sends each raise twice. */
export async function topUpWhenAsked(driven: Driven): Promise<void> {
  const { session, patience, told, lookAt } = driven;
  await whileItRuns(driven, async () => {
    const { isAsking } = await patience.until('a look at the budget', () => lookAt(session));
    if (!isAsking) return;
    const id = `raise-${told.raises.length}`;
    const raise = { id, maxToolCalls: 4, by: OPERATOR };
    for (let time = 0; time < 2; time++)
      await unless(
        ['SESSION_ENDED', 'TOPUP_REFUSED'],
        patience.until('a top-up', () => session.topUp(raise)),
      );
    told.raises.push(id);
  });
}

/** Pauses the session once, and lets it go on. */
export async function pauseAndResume({ session, random, patience }: Driven): Promise<void> {
  await patience.sleep(random.whole(0, 2_000));
  await unless(
    ['SESSION_ENDED'],
    patience.until('a pause', () => session.pause({ by: OPERATOR })),
  );
  await patience.sleep(random.whole(0, 3_000));
  await unless(
    ['SESSION_ENDED'],
    patience.until('a resume', () => session.resume({ by: OPERATOR })),
  );
}

/** Cancels it in the middle of its work. */
export async function cancelSoon({ session, random, patience }: Driven): Promise<void> {
  await patience.sleep(random.whole(500, 5_000));
  await patience.until('a cancellation', () => session.cancel());
}

async function whileItRuns({ isOver, patience }: Driven, look: () => Promise<void>): Promise<void> {
  while (!isOver()) {
    await look();
    await patience.sleep(LOOK_MS);
  }
}

/** Takes a refusal of these codes for an answer. */
async function unless(codes: readonly ErrorCode[], asked: Promise<unknown>): Promise<void> {
  try {
    await asked;
  } catch (thrown) {
    if (!(thrown instanceof AegrailError) || !codes.includes(thrown.code)) throw thrown;
  }
}
