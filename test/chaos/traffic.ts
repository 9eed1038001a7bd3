import type { Aegrail, Session } from '../../src/client.ts';
import type { SessionResult } from '../../src/protocol.ts';
import { type Kind, KINDS, type Told } from './kinds.ts';
import type { LookAt } from './look.ts';
import type { Patience } from './patience.ts';
import type { Random } from './random.ts';

/** A session that was run, and what came of it. */
export interface Ran {
  readonly id: string;
  readonly kind: Kind;
  readonly told: Told;
  /** Null: it had not ended when time was up. */
  result: SessionResult | null;
  /** What went wrong outside of its log. */
  readonly problems: string[];
}

/** Sessions of all kinds, one after the other and side by side. */
export interface Traffic {
  /** All that were started, those that run too. */
  readonly ran: readonly Ran[];
  /** Starts no more, and waits for the end of those that run. */
  drain(): Promise<void>;
}

export interface TrafficOptions {
  readonly inFlight: number;
  readonly maxSessions: number;
  /** Starts the ids of the sessions. */
  readonly prefix: string;
  /** How people learn what is waited for. */
  readonly lookAt: LookAt;
}

/** Keeps sessions in flight. */
export function startTraffic(
  aegrail: Aegrail,
  patience: Patience,
  random: Random,
  { inFlight, maxSessions, prefix, lookAt }: TrafficOptions,
): Traffic {
  const ran: Ran[] = [];
  const draining = new AbortController();
  const lane = async (): Promise<void> => {
    while (!draining.signal.aborted && ran.length < maxSessions) {
      const kind = KINDS[ran.length % KINDS.length] as Kind;
      const one: Ran = {
        id: `${prefix}-${ran.length}-${kind.name}`,
        kind,
        told: { messages: [], raises: [] },
        result: null,
        problems: [],
      };
      ran.push(one);
      await runOne(aegrail, patience, random.fork(), lookAt, one);
    }
  };
  const lanes = Array.from({ length: inFlight }, lane);
  return {
    ran,
    async drain() {
      draining.abort();
      await Promise.all(lanes);
    },
  };
}

async function runOne(aegrail: Aegrail, patience: Patience, random: Random, lookAt: LookAt, one: Ran): Promise<void> {
  const { id, kind, told, problems } = one;
  const failed = (what: string) => (thrown: unknown) => void problems.push(`${what}: ${String(thrown)}`);
  let isOver = false;
  const start = { session: id, user: 'ann@acme.com', ...kind.start(id, random.fork()) };
  const session = await patience.until(`the start of ${id}`, () => aegrail.start(start)).catch(failed('the start'));
  if (!session) return;
  const driven = { session, random, patience, told, lookAt, isOver: () => isOver };
  const driving = kind.drive?.(driven).catch(failed('people'));
  one.result = (await ended(session, patience).catch(failed('the end'))) ?? null;
  isOver = true;
  await driving;
}

async function ended(session: Session, patience: Patience): Promise<SessionResult> {
  return patience.until(`the end of ${session.id}`, () => session.result());
}
