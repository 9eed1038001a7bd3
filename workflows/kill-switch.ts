import { CancellationScope, defineSignal, setHandler, sleep } from '@temporalio/workflow';
import type { SwitchedOn } from '../src/core/switched-on.ts';
import { LOOK_AT_SWITCH } from '../src/protocol.ts';
import { runLookAtSwitch } from './proxies.ts';
import { backoffMs } from './retry.ts';
import type { Runner } from './runner.ts';
import { settle } from './settle.ts';

/** Most tries of reading the switch: some minutes. A session that misses it is stopped at its next call. */
const LOOK_ATTEMPTS = 8;

/** Has a session look at the kill switch while it waits for something else, and so makes no calls. */
export interface KillSwitchWatch {
  /** From here on there is something to stop. */
  attach(runner: Runner): void;
  /** Whether it was told to look, and does not know yet: then the next run has to look. */
  isDue(): boolean;
}

/**
 * Listens for the signal that the switch was turned. It is a hint: what counts is what the store says, so that whoever may
 * send signals can't make a record of a switch that nobody turned.
 *
 * @param isDue whether the run before had not looked yet
 */
export function watchKillSwitch(isDue: boolean): KillSwitchWatch {
  let runner: Runner | null = null;
  let isWanted = isDue;
  let isLooking = false;
  const look = async (): Promise<void> => {
    isWanted = true;
    if (isLooking) return;
    const session = runner;
    if (!session) return;
    isLooking = true;
    while (isWanted && !isOver(session)) {
      isWanted = false;
      const found = await switchedOn(session);
      if (found) session.stopper.kill(found);
    }
    isLooking = false;
  };
  setHandler(defineSignal<unknown[]>(LOOK_AT_SWITCH), () => void look(), {
    description: 'Has the session ask its store whether the kill switch is on. To turn it: aegrail kill-switch.',
  });
  return {
    attach(opened) {
      runner = opened;
      if (isWanted) void look();
    },
    isDue: () => isWanted || isLooking,
  };
}

function isOver({ journal, stopper }: Runner): boolean {
  return journal.state().ended || stopper.reason() !== null;
}

async function switchedOn(runner: Runner): Promise<SwitchedOn | null> {
  const { contractSha256 } = runner;
  for (let attempt = 1; ; attempt++) {
    const settled = await CancellationScope.nonCancellable(() =>
      settle(runLookAtSwitch({ call: { contractSha256 }, permit: null, records: [] })),
    );
    if (settled.outcome === 'ok') return settled.answer;
    const waitMs = backoffMs(settled.failure, attempt, LOOK_ATTEMPTS);
    if (waitMs === null || isOver(runner)) return null;
    await CancellationScope.nonCancellable(() => sleep(waitMs, { summary: 'before looking at the kill switch again' }));
  }
}
