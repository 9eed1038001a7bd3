import type { Logger } from 'pino';
import type { FoundHolder } from '../src/core/account-book.ts';
import { NOTHING } from '../src/core/ledger.ts';
import { foldLog } from '../src/core/stored-log.ts';
import type { HoldersCall } from '../src/core/account-calls.ts';
import type { Envelope } from '../src/calls.ts';
import type { Store } from '../src/store/store.ts';
import type { SessionLookup } from '../src/temporal/session-lookup.ts';
import type { Bank } from './bank.ts';
import type { ContractBook } from './contracts.ts';
import { withHeartbeat } from './heartbeat.ts';
import { usedByLog, usedWithoutLog } from './used-by-log.ts';

/** What looking at sessions needs of the worker. */
export interface HoldersDeps {
  readonly bank: Bank;
  readonly store: Store;
  readonly contracts: ContractBook;
  readonly sessions: SessionLookup;
  readonly logger: Logger;
}

/** Looks at sessions whose leases expired: whether they run, and what they used by their logs. */
export function lookAtHolders(deps: HoldersDeps, { call }: Envelope<HoldersCall>): Promise<FoundHolder[]> {
  return withHeartbeat(() => foundOf(deps, call));
}

async function foundOf(deps: HoldersDeps, call: HoldersCall): Promise<FoundHolder[]> {
  const found: FoundHolder[] = [];
  for (const { session, n } of call.holders) {
    try {
      found.push({ n, ...(await lookAt(deps, session, call.atMs)) });
    } catch (err) {
      deps.logger.warn({ session, err }, 'a session that holds a lease could not be looked at');
      found.push({ session, n, state: 'unknown', used: null });
    }
  }
  return found;
}

async function lookAt(
  { bank, store, contracts, sessions }: HoldersDeps,
  session: string,
  nowMs: number,
): Promise<Omit<FoundHolder, 'n'>> {
  const isOver = await bank.isOver(session, nowMs);
  const log = await foldLog(store.records(session));
  if (!isOver) return { session, state: 'running', used: log?.state.ledger.posted ?? NOTHING };
  if (log) return { session, state: 'ended', used: await usedByLog(contracts, log) };
  const contractSha256 = await sessions.openedUnder(session);
  // One that never began has used nothing.
  const used = contractSha256 === null ? NOTHING : await usedWithoutLog(contracts, contractSha256);
  return { session, state: 'ended', used };
}
