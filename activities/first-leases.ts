import { accountsOf } from '../src/core/account-name.ts';
import { shareOf } from '../src/core/account-share.ts';
import type { Contract, Grant } from '../src/core/contract.ts';
import { AegrailError, messageOf } from '../src/core/errors.ts';
import { NOTHING, openLedger } from '../src/core/ledger.ts';
import { boundModelCall, MESSAGE_OVERHEAD_TOKENS } from '../src/core/model-bound.ts';
import type { StartInput } from '../src/core/start-input.ts';
import type { AccountAnswer, Granted } from '../src/core/account-calls.ts';
import { promptBytes } from '../src/providers/prompt.ts';
import { callFailure } from './failure.ts';
import { leaseFrom, type LeaseDeps, tellAccounts } from './lease.ts';

/** A session that is about to begin. */
export interface Beginning {
  readonly sessionId: string;
  readonly contract: Contract;
  readonly grant: Grant;
  readonly input: StartInput;
  readonly messageBytes: number;
}

/**
 * Takes a session's first lease of each of its accounts: a share of its limits, and at least its first call. An account that
 * has nothing left leases nothing; the session begins, and says so in its log when it can't make its first call.
 *
 * @throws AegrailError ACCOUNT_UNKNOWN, INPUT_INVALID
 * @throws ApplicationFailure ACCOUNT_UNREACHABLE: another try may go well, and gets the same leases
 */
export async function firstLeases(deps: LeaseDeps, beginning: Beginning): Promise<Granted[]> {
  const { sessionId, contract, grant, input } = beginning;
  const names = accountsOf(contract.accounts, input.account, { user: input.user, agent: contract.agent });
  if (names.length === 0) return [];
  const { want, most } = shareOf(grant, NOTHING, firstCall(beginning));
  const ask = { n: 1, held: NOTHING, used: NOTHING, want, least: NOTHING, most };
  const asked = await Promise.allSettled(names.map((account) => leaseFrom(deps.bank, sessionId, { account, ...ask })));
  const refused = asked.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []));
  const leased = asked.flatMap((one) => (one.status === 'fulfilled' ? [grantedOf(one.value)] : []));
  const fatal = refused.find((reason) => reason instanceof AegrailError);
  if (fatal) {
    tellAccounts(deps, sessionId, { used: NOTHING, leases: leased });
    throw fatal;
  }
  if (refused.length === 0) return leased;
  throw callFailure('ACCOUNT_UNREACHABLE', 'ACCOUNT_UNREACHABLE', messageOf(refused[0]), {
    started: 'no',
    retryable: true,
  });
}

/** An account that can keep no lease more grants none, and is asked again before the first call. */
function grantedOf({ account, n, granted }: AccountAnswer): Granted {
  return { account, n, amounts: granted ?? NOTHING };
}

/** The worst case of the first call of the model. */
function firstCall({ contract, grant, messageBytes }: Beginning): typeof NOTHING {
  const inputTokens =
    promptBytes(contract) + contract.model.promptOverheadTokens + messageBytes + MESSAGE_OVERHEAD_TOKENS;
  const room = boundModelCall(contract.model, openLedger(grant, 0, 0), inputTokens);
  if ('refusal' in room) return NOTHING;
  const { bound } = room;
  return { usdNano: bound.usdNano, tokens: bound.inputTokens + bound.maxOutputTokens, toolCalls: 0 };
}
