import { messageOf } from '../src/core/errors.ts';
import type { SwitchedOn } from '../src/core/switched-on.ts';
import type { AppendCall, Envelope } from '../src/calls.ts';
import type { ContractBook } from './contracts.ts';
import { callFailure } from './failure.ts';
import { agentOf, type KillSwitches } from './kill-switches.ts';

export interface LookAtSwitchDeps {
  readonly contracts: ContractBook;
  readonly switches: KillSwitches;
}

/** Tells a session whether a kill switch stops it, as the store has it now. */
export async function lookAtSwitch(
  { contracts, switches }: LookAtSwitchDeps,
  { call }: Envelope<AppendCall>,
): Promise<SwitchedOn | null> {
  try {
    return await switches.stopping(await agentOf(contracts, call.contractSha256), 'anew');
  } catch (thrown) {
    const facts = { started: 'no', retryable: true } as const;
    throw callFailure('AUDIT_UNAVAILABLE', 'STORE_FAILED', messageOf(thrown), facts);
  }
}
