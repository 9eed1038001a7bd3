import { type LeaseAnswer, type LeaseAsk, MAX_ASKS, parseLeaseAsk } from '../core/account-input.ts';

/** Asks one account for several sessions. */
type AskAll = (account: string, asks: readonly LeaseAsk[]) => Promise<readonly LeaseAnswer[]>;

interface Waiting {
  readonly ask: LeaseAsk;
  readonly resolve: (answer: LeaseAnswer) => void;
  readonly reject: (why: unknown) => void;
}

/**
 * Asks each account once at a time, for all who want something of it by then. Temporal has ten updates of a workflow in flight;
 * one that is refused for that takes the workflow's task with it that the others wait for, so that a crowd would get nowhere.
 */
export function batched(askAll: AskAll): (account: string, ask: LeaseAsk) => Promise<LeaseAnswer> {
  const queues = new Map<string, Waiting[]>();
  const drain = async (account: string, queue: Waiting[]): Promise<void> => {
    while (queue.length > 0) {
      const batch = queue.splice(0, MAX_ASKS);
      try {
        const asks = batch.map(({ ask }) => ask);
        const answers = await askAll(account, asks);
        for (const [index, { resolve, reject }] of batch.entries()) {
          const answer = answers[index];
          if (answer) resolve(answer);
          else reject(new TypeError(`The account ${account} did not answer all that it was asked.`));
        }
      } catch (thrown) {
        for (const { reject } of batch) reject(thrown);
      }
    }
    queues.delete(account);
  };
  return async (account, given) => {
    // What is malformed is its own session's matter, and not that of the others.
    const ask = parseLeaseAsk(given);
    return new Promise((resolve, reject) => {
      const queue = queues.get(account);
      const waiting = { ask, resolve, reject };
      if (queue) return void queue.push(waiting);
      const fresh = [waiting];
      queues.set(account, fresh);
      void drain(account, fresh);
    });
  };
}
