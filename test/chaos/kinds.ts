import type { Session, StartOptions } from '../../src/client.ts';
import type { SessionResult } from '../../src/protocol.ts';
import { cancelSoon, decideAll, pauseAndResume, talk, topUpWhenAsked } from './people.ts';
import type { LookAt } from './look.ts';
import type { Patience } from './patience.ts';
import type { Random } from './random.ts';
import { workText } from './script.ts';

/** What a session is told from outside, and what must be found in its log for it. */
export interface Told {
  /** Ids of messages that the session took. */
  readonly messages: string[];
  /** Ids of top-ups that it took. */
  readonly raises: string[];
}

/** A session that runs, and who deals with it. */
export interface Driven {
  readonly session: Session;
  readonly random: Random;
  readonly patience: Patience;
  readonly told: Told;
  readonly lookAt: LookAt;
  /** Whether the session has ended. */
  readonly isOver: () => boolean;
}

/** A kind of session. To add one: a line in {@link KINDS}, and what people do with it in people.ts. */
export interface Kind {
  readonly name: string;
  readonly start: (id: string, random: Random) => Omit<StartOptions, 'session' | 'user'>;
  /** What people do while it runs. */
  readonly drive?: (driven: Driven) => Promise<void>;
  readonly outcomes: readonly SessionResult['outcome'][];
}

const TOOLS = ['once', 'again'];

export const KINDS: readonly Kind[] = [
  {
    name: 'tools',
    start: (id, random) => ({ agent: 'bot', input: workText({ id, turns: random.whole(3, 8), tools: TOOLS }) }),
    outcomes: ['answered'],
  },
  {
    name: 'approvals',
    start: (id, random) => ({
      agent: 'bot',
      input: workText({ id, turns: random.whole(1, 3), tools: ['once', 'guarded'] }),
    }),
    drive: decideAll,
    outcomes: ['answered'],
  },
  {
    name: 'conversation',
    start: (id) => ({ agent: 'bot', input: workText({ id, turns: 1, tools: TOOLS }), conversation: true }),
    drive: talk,
    outcomes: ['answered'],
  },
  {
    name: 'poor',
    start: (id) => ({ agent: 'poor', input: workText({ id, turns: 10, tools: TOOLS }) }),
    outcomes: ['killed'],
  },
  {
    name: 'asking',
    start: (id, random) => ({ agent: 'asking', input: workText({ id, turns: random.whole(3, 5), tools: TOOLS }) }),
    drive: topUpWhenAsked,
    outcomes: ['answered'],
  },
  {
    name: 'paused',
    start: (id) => ({ agent: 'bot', input: workText({ id, turns: 4, tools: TOOLS }) }),
    drive: pauseAndResume,
    outcomes: ['answered'],
  },
  {
    name: 'agents',
    start: (id, random) => ({
      agent: 'lead',
      input: workText({ id, turns: random.whole(1, 3), tools: ['helper', 'once'] }),
    }),
    outcomes: ['answered'],
  },
  {
    name: 'agents cancelled',
    start: (id) => ({ agent: 'lead', input: workText({ id, turns: 30, tools: ['helper'] }) }),
    drive: cancelSoon,
    outcomes: ['cancelled'],
  },
  {
    name: 'cancelled',
    start: (id) => ({ agent: 'bot', input: workText({ id, turns: 30, tools: TOOLS }) }),
    drive: cancelSoon,
    outcomes: ['cancelled'],
  },
];
