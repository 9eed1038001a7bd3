import {
  ApplicationFailure,
  CancellationScope,
  condition,
  defineSignal,
  defineUpdate,
  setHandler,
} from '@temporalio/workflow';
import { type OperatorInput, parseOperator } from '../src/core/operator-input.ts';
import { PAUSE, type PauseResult, RESUME } from '../src/protocol.ts';
import type { GuardContext } from './guard.ts';
import { onlyArgument } from './only-argument.ts';
import { LogMoved } from './rejoin.ts';
import { flush, type Runner } from './runner.ts';

/** Where a session is paused and resumed. Whether it is paused is in its log, so that a reset and another run know it too. */
export interface PauseDesk {
  /** From here on it counts; what was asked for before is done now, before anything is admitted. */
  attach(guard: GuardContext, runner: Runner): void;
}

type Change = 'pause' | 'resume';

/** Opens the desk, before anything else is done: an update that meets no handler is refused. */
export function openPause(): PauseDesk {
  let session: { readonly guard: GuardContext; readonly runner: Runner } | null = null;
  const early: (() => void)[] = [];

  const apply = (change: Change, input: OperatorInput): PauseResult => {
    const words = { by: input.by, reason: input.reason ?? null };
    const journal = session?.guard.journal;
    const before = journal?.state().paused ?? null;
    const changed = !!journal && !journal.state().ended && (change === 'pause') === (before === null);
    if (changed) journal.emit(change === 'pause' ? 'session_paused' : 'session_resumed', words);
    if (changed && session) keep(session.guard, session.runner);
    const now = journal?.state().paused ?? null;
    return { outcome: now ? 'paused' : 'running', changed, by: now?.by ?? null, reason: now?.reason ?? null };
  };
  const done = (change: Change, input: OperatorInput): PauseResult | Promise<PauseResult> => {
    if (session) return apply(change, input);
    return new Promise((resolve) => early.push(() => resolve(apply(change, input))));
  };
  const open = (name: string, change: Change, description: string): void => {
    setHandler(
      defineUpdate<PauseResult, [OperatorInput]>(name),
      (input) => done(change, parseOperator(input, change)),
      {
        description: `${description}: {"by": "…", "reason": "…"}.`,
        // What is malformed leaves no event in history.
        validator: (...args) => {
          onlyArgument(args, (value) => parseOperator(value, change));
          if (session?.guard.journal.state().ended)
            throw ApplicationFailure.nonRetryable('The session has ended.', 'SESSION_ENDED');
        },
      },
    );
    setHandler(
      defineSignal<unknown[]>(name),
      (...args) => {
        try {
          void done(
            change,
            onlyArgument(args, (value) => parseOperator(value, change)),
          );
        } catch {
          // Nobody hears an answer to a signal, and the session is not to be harmed by it.
        }
      },
      { description: `${description}, without an answer: for when no worker is up.` },
    );
  };
  open(PAUSE, 'pause', 'Pauses the session: what is in flight ends, and nothing more is begun');
  open(RESUME, 'resume', 'Lets a paused session go on');

  return {
    attach(guard, runner) {
      session = { guard, runner };
      for (const change of early.splice(0)) change();
    },
  };
}

/**
 * Waits while the session is paused: for days if need be, and everything that happened is stored. False: it is stopped.
 *
 * @param isWanted ends the wait early
 */
export async function passedPause(
  { journal, contractSha256 }: GuardContext,
  runner: Runner,
  isWanted: () => boolean = () => false,
): Promise<boolean> {
  const { stopper, deadlineMs } = runner;
  while (journal.state().paused && !isWanted()) {
    await flush(journal, contractSha256, deadlineMs, stopper.pause);
    await condition(() => !journal.state().paused || stopper.reason() !== null || isWanted());
    if (stopper.reason()) return false;
  }
  return stopper.reason() === null;
}

/** Stores what happened, beside whatever runs. */
export function keep({ journal, contractSha256 }: GuardContext, { deadlineMs, stopper }: Runner): void {
  const store = async (): Promise<void> => void (await flush(journal, contractSha256, deadlineMs, stopper.pause));
  void CancellationScope.nonCancellable(() => journal.keepOnce(store)).catch((thrown: unknown) => {
    // Whoever carries these records next meets the other log too, and goes on with it.
    if (!(thrown instanceof LogMoved)) throw thrown;
  });
}
