import type { LogEntry } from '../core/entry.ts';
import { messageOf } from '../core/errors.ts';
import type { SigningKey } from '../signing/key.ts';
import type { Keyring } from '../signing/keyring.ts';
import type { Store } from '../store/store.ts';
import type { WitnessAddress } from '../witness/client.ts';
import { createCheckpoints, type Signing } from './checkpoints.ts';
import { createCosigners } from './cosigners.ts';
import { createEntries } from './entries.ts';
import { createFollower } from './follower.ts';
import { createOnceAMinute } from './once-a-minute.ts';
import { createRhythm } from './rhythm.ts';

/** What a notary needs of a logger; pino's is one. */
export interface NotaryLogger {
  warn(fields: Readonly<Record<string, unknown>>, message: string): void;
  error(fields: Readonly<Record<string, unknown>>, message: string): void;
}

/** What a notary is made from. */
export interface NotaryOptions {
  readonly store: Store;
  readonly keyring: Keyring;
  readonly cadenceSeconds: number;
  readonly witnesses: readonly WitnessAddress[];
  /** Given each checkpoint (a signed note) that this notary stored. Never waits, never throws. */
  readonly publish: (note: string) => void;
  /** Told of each kind of trouble once a minute at most. */
  readonly logger: NotaryLogger;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** What came of a tick. */
export interface Tick extends Signing {
  /** How many entries it appended. */
  readonly appended: number;
}

/** Makes entries and signs checkpoints. Several may work on one store: who is late loses nothing but its work. */
export interface Notary {
  /** Ticks on the cadence from now on. What goes wrong is logged, and tried again. */
  start(): void;
  /**
   * Puts what is due into the tree, and signs the next checkpoint when the cadence asks for it.
   *
   * @param how.all everything that is not in the tree yet is due, and so is the checkpoint
   * @throws AegrailError LOG_INVALID when the tree was changed; AUDIT_UNAVAILABLE; CONFIG_INVALID for a keyring
   */
  tick(how?: { readonly all?: boolean }): Promise<Tick>;
  /**
   * Appends an entry that the active key signs.
   *
   * @param make what; asked again when another writer was first. Null: nothing
   * @returns whether there was something to append
   * @throws AegrailError as {@link tick}, and CONFIG_INVALID when the keyring's key is not the log's
   */
  record(make: (key: SigningKey) => Promise<LogEntry | null>): Promise<boolean>;
  /** Ends the ticking: waits for one that runs, and seals what is left, for 5 seconds at most. Never throws. */
  stop(): Promise<void>;
}

/** Makes a notary. It does nothing by itself until it is started. */
export function createNotary(options: NotaryOptions): Notary {
  const { store, keyring, cadenceSeconds, publish, logger, now } = options;
  const { tree } = store;
  const isToBeTold = createOnceAMinute(now);
  const inTurn = createTurns();
  const follower = createFollower(tree);
  const entries = createEntries({
    store,
    keyring,
    follower,
    now,
    refused(why) {
      if (isToBeTold('statements')) logger.warn({}, `the log does not take statements of the keyring: ${why}`);
    },
  });
  const cosigners = createCosigners(options.witnesses, follower, ({ url }, why) => {
    if (isToBeTold(`witness ${url}`))
      logger.warn({ witness: url }, `the witness ${url} did not cosign a checkpoint, which goes without it: ${why}`);
  });
  const checkpoints = createCheckpoints({
    tree,
    follower,
    cosigners,
    origin: keyring.origin,
    cadenceSeconds,
    activeKey: () => entries.activeKey(),
    withoutKey(why) {
      if (isToBeTold('key')) logger.warn({}, why);
    },
    publish,
    now,
  });

  async function tick(all: boolean): Promise<Tick> {
    const appended = (await entries.statements()) + (await entries.heads(all));
    return { appended, ...(await checkpoints.sign(all)) };
  }

  async function sealAll(): Promise<void> {
    await follower.catchUp();
    const isSealed = (await tree.due(null, 1)).length === 0;
    if (!isSealed || (await checkpoints.last())?.size !== follower.size()) await tick(true);
  }

  const rhythm = createRhythm({
    cadenceSeconds,
    now,
    tick: () => inTurn(() => tick(false)),
    lastTick: () => inTurn(sealAll),
    failed(thrown) {
      if (isToBeTold('tick')) logger.error({ err: thrown }, `no checkpoint was signed: ${messageOf(thrown)}`);
    },
  });
  return {
    start: () => rhythm.start(),
    stop: () => rhythm.stop(),
    tick: ({ all = false } = {}) => inTurn(() => tick(all)),
    record: (make) => inTurn(() => entries.record(make)),
  };
}

/** Lets one piece of work run at a time, in the order in which they came. */
function createTurns(): <T>(work: () => Promise<T>) => Promise<T> {
  let queue: Promise<unknown> = Promise.resolve();
  return (work) => {
    const turn = queue.then(work);
    queue = turn.catch(() => undefined);
    return turn;
  };
}
