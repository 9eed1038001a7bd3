import { messageOf } from '../src/core/errors.ts';
import { type SwitchedOn, switchedOnWhy } from '../src/core/switched-on.ts';
import { SWITCH_SEEN_WITHIN_MS, type SwitchChange, type SwitchStore } from '../src/store/switch-store.ts';
import type { ContractBook } from './contracts.ts';
import { callFailure } from './failure.ts';

/** The kill switches, as a worker knows them. */
export interface KillSwitches {
  /**
   * The switch that stops an agent: its own, or that for all. What is known of it is at most a second old. While the store
   * can't be read, a switch that was on stays on.
   *
   * @param agent null: only the switch for all counts
   * @param anew reads it now
   * @returns null when none is on
   * @throws AegrailError AUDIT_UNAVAILABLE when the store can't be read
   */
  stopping(agent: string | null, anew?: 'anew'): Promise<SwitchedOn | null>;
}

interface Reading {
  readonly on: Promise<readonly SwitchChange[]>;
  /** When it was begun: what it gives is not older. */
  readonly atMs: number;
}

/** Reads the kill switches of a store, once a second at most for all calls together. */
export function readKillSwitches(store: SwitchStore): KillSwitches {
  let last: Reading | null = null;
  let known: readonly SwitchChange[] = [];
  const read = (): Reading => {
    const reading: Reading = { on: store.on(), atMs: performance.now() };
    last = reading;
    reading.on.then(
      (on) => {
        // A slow one may be overtaken.
        if (last === reading) known = on;
      },
      () => {
        if (last === reading) last = null;
      },
    );
    return reading;
  };
  return {
    async stopping(agent, anew) {
      const isFresh = last !== null && performance.now() - last.atMs < SWITCH_SEEN_WITHIN_MS;
      const reading = anew === undefined && isFresh && last ? last : read();
      try {
        return stops(await reading.on, agent);
      } catch (thrown) {
        const stopped = stops(known, agent);
        if (stopped) return stopped;
        throw thrown;
      }
    },
  };
}

function stops(on: readonly SwitchChange[], agent: string | null): SwitchedOn | null {
  const found = on.find((one) => one.agent === null || one.agent === agent);
  return found ? { agent: found.agent, by: found.by, reason: found.reason } : null;
}

/**
 * Refuses a call while a switch stops the agent whose contract it runs under.
 *
 * @param runsUnread whether the contract lets calls run that can't be recorded: asked when the store can't be read
 * @throws ApplicationFailure KILL_SWITCH_ON, AUDIT_UNAVAILABLE
 */
export async function refuseSwitchedOn(
  { switches, contracts }: { readonly switches: KillSwitches; readonly contracts: ContractBook },
  contractSha256: string | null | undefined,
  runsUnread: () => Promise<boolean>,
): Promise<void> {
  let found: SwitchedOn | null;
  try {
    found = await switches.stopping(await agentOf(contracts, contractSha256));
  } catch (thrown) {
    if (await runsUnread()) return;
    const message = `Whether the kill switch is on could not be read, so the call did not run: ${messageOf(thrown)}`;
    const facts = { started: 'no', stored: false, retryable: true } as const;
    throw callFailure('AUDIT_UNAVAILABLE', 'AUDIT_UNAVAILABLE', message, facts);
  }
  if (!found) return;
  const facts = { started: 'no', stored: false, switchedOn: found } as const;
  throw callFailure('KILL_SWITCH_ON', 'KILL_SWITCH_ON', switchedOnWhy(found), facts);
}

/** The agent of a contract; null when the contract is not known here. */
export async function agentOf(contracts: ContractBook, sha256: string | null | undefined): Promise<string | null> {
  return sha256 ? ((await contracts.bySha256(sha256))?.agent ?? null) : null;
}
