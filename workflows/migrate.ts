import {
  ApplicationFailure,
  CancellationScope,
  condition,
  defineSignal,
  defineUpdate,
  setHandler,
  upsertMemo,
} from '@temporalio/workflow';
import { accountsOf } from '../src/core/account-name.ts';
import { NOTHING } from '../src/core/ledger.ts';
import { limitsInput } from '../src/core/limits.ts';
import { messageOf } from '../src/core/errors.ts';
import {
  type AdoptCall,
  type Adopted,
  type MigrationResult,
  type MigrationInput,
  parseMigration,
} from '../src/core/migration.ts';
import { wireAmounts, wireLimits } from '../src/core/session-state.ts';
import type { LimitsInput } from '../src/core/start-input.ts';
import { MIGRATE } from '../src/protocol.ts';
import { adoption } from './adoption.ts';
import type { Talk } from './converse.ts';
import type { GuardContext } from './guard.ts';
import type { Conversation } from './model-turn.ts';
import { onlyArgument } from './only-argument.ts';
import { flush, type Runner } from './runner.ts';

/** Most migrations that wait at once. */
const MAX_WAITING = 20;
/** Ids by which a migration that comes again is known in the next run. */
const IDS_KEPT = 200;
/** Longest that who asked waits for the record to be stored, where the contract's audit is best effort. */
const BEST_EFFORT_FLUSH_MS = 5_000;

const MADE_FROM_ABOVE = 'it is that of a sub-agent, and made from that of the session above it';

/** A migration that waits for the end of a step, and what came of it. */
interface Waiting {
  readonly input: MigrationInput;
  result: MigrationResult | ApplicationFailure | null;
}

/** Where a session is moved to another contract. What it is held to is in its log, so that a reset and another run know it too. */
export interface Migrations {
  /** @param limits what the session's start asked for: it stays lowered */
  attach(guard: GuardContext, runner: Runner, limits: LimitsInput): void;
  /** Whether some wait to be done between two steps. */
  readonly isWaiting: () => boolean;
  /** Does those that wait: nothing may be in the middle of something. @throws LogMoved and then they still wait */
  perform(talk: Talk): Promise<void>;
  /** Holds a session that was reset to the contract that its log names. */
  follow(contractSha256: string, talk: Talk): Promise<void>;
  /** What the next run needs: ids of those that were done. */
  state(): readonly string[];
  /** The session is over: those that wait are refused. */
  close(): void;
}

/**
 * Opens the desk before anything else is done: an update that meets no handler is refused by the SDK.
 *
 * @param carried what the run before had
 */
export function openMigrations(carried: readonly string[]): Migrations {
  let session: { readonly guard: GuardContext; readonly runner: Runner; readonly limits: LimitsInput } | null = null;
  let isOver = false;
  const waiting: Waiting[] = [];
  const known = new Set(carried);

  const refuseFull = (): void => {
    if (isOver || session?.guard.journal.state().ended) throw refusedBy('it has ended');
    // Told at once: its step may be a call of a day.
    if (session && session.guard.above.length > 0) throw refusedBy(MADE_FROM_ABOVE);
    if (waiting.length >= MAX_WAITING) throw refusedBy(`${MAX_WAITING} migrations wait already`);
  };
  const queue = (input: MigrationInput): Waiting => {
    const one: Waiting = { input, result: null };
    waiting.push(one);
    return one;
  };
  setHandler(
    defineUpdate<MigrationResult, [MigrationInput]>(MIGRATE),
    async (input) => {
      const one = queue(parseMigration(input));
      // Who asked hears that it is refused, also when it is because the session is cancelled.
      await CancellationScope.nonCancellable(() => condition(() => one.result !== null));
      if (one.result instanceof ApplicationFailure) throw one.result;
      return one.result as MigrationResult;
    },
    {
      description:
        'Moves the session to another contract of the store, between two steps: {"id", "sha256", "by", "reason", "authorization"}.',
      // What is malformed leaves no event in history.
      validator: (...args) => {
        onlyArgument(args, parseMigration);
        refuseFull();
      },
    },
  );
  setHandler(
    defineSignal<unknown[]>(MIGRATE),
    (...args) => {
      try {
        refuseFull();
        queue(onlyArgument(args, parseMigration));
      } catch {
        // Nobody hears an answer to a signal, and the session is not to be harmed by it.
      }
    },
    { description: 'The same without an answer: for when no worker is up.' },
  );

  const nowUnder = (guard: GuardContext, changed: boolean): MigrationResult => ({
    outcome: 'migrated',
    changed,
    contractSha256: guard.contractSha256,
    limits: limitsInput(guard.journal.state().ledger.grant),
  });
  const performOne = async (input: MigrationInput, talk: Talk): Promise<MigrationResult | ApplicationFailure> => {
    if (!session) return refusedBy('the session is not open');
    const { guard, runner } = session;
    if (runner.stopper.reason()) return refusedBy('it is being stopped');
    if (guard.above.length > 0) return refusedBy(MADE_FROM_ABOVE);
    const { id, sha256, authorization = null } = input;
    const { contractSha256: from } = guard;
    if (sha256 === from || (id !== undefined && known.has(id))) return nowUnder(guard, false);
    const found = await adoption(runner, callOf(session, sha256, authorization, talk, false));
    if ('refused' in found) return refusedBy(found.why, found.refused);
    if (runner.stopper.reason()) return refusedBy('it is being stopped');
    const { audit: auditBefore } = guard.contract;
    const why = holdTo(guard, talk, found);
    if (why) return refusedBy(why);
    record(guard, input, from, found);
    joinAccounts(guard);
    runner.stopper.until(runner.deadlineMs - Date.now());
    guard.purse.forget();
    // What lets calls run that are not stored is itself stored first.
    const isRequired = [auditBefore, guard.contract.audit].includes('required');
    const giveUpMs = isRequired ? runner.deadlineMs : Date.now() + BEST_EFFORT_FLUSH_MS;
    await flush(guard.journal, guard.contractSha256, giveUpMs, runner.stopper.pause);
    if (id !== undefined) known.add(id);
    return nowUnder(guard, true);
  };

  return {
    attach(guard, runner, limits) {
      session = { guard, runner, limits };
    },
    isWaiting: () => waiting.length > 0,
    async perform(talk) {
      for (let one = waiting[0]; one; one = waiting[0]) {
        one.result = await performOne(one.input, talk);
        waiting.shift();
      }
    },
    async follow(contractSha256, talk) {
      if (!session || contractSha256 === session.guard.contractSha256) return;
      const { guard, runner } = session;
      const found = await adoption(runner, callOf(session, contractSha256, null, talk, true));
      const why = 'refused' in found ? found.why : holdTo(guard, talk, found);
      if (why) throw ApplicationFailure.nonRetryable(`The session can not go on: ${why}.`, 'CONTRACT_VERSION');
    },
    state: () => [...known].slice(-IDS_KEPT),
    close() {
      isOver = true;
      for (const one of waiting.splice(0)) one.result = refusedBy('it has ended');
    },
  };
}

function callOf(
  { guard, limits }: { readonly guard: GuardContext; readonly limits: LimitsInput },
  sha256: string,
  authorization: string | null,
  { calling, conversation }: Talk,
  isDecided: boolean,
): AdoptCall {
  const { transcript } = calling?.conversation ?? conversation;
  const { contractSha256, principal } = guard;
  return { contractSha256, sha256, user: principal.user, limits, authorization, transcript, isDecided };
}

/** Puts a contract in the place of the one that was. @returns why not, when it can't be */
function holdTo(guard: GuardContext, talk: Talk, adopted: Adopted): string | null {
  const { contract, contractSha256, promptBytes } = adopted;
  try {
    guard.terms.replace(contract, contractSha256, promptBytes);
  } catch (thrown) {
    return `the rules of the contract can not be read: ${messageOf(thrown).slice(0, 300)}`.toWellFormed();
  }
  if (talk.calling) talk.calling = { ...talk.calling, conversation: counted(talk.calling.conversation, adopted) };
  else talk.conversation = counted(talk.conversation, adopted);
  // Of another window: what the old one put off counts no more.
  if (talk.memory) talk.memory = { ...talk.memory, againAboveTokens: 0 };
  upsertMemo({ version: contract.version });
  return null;
}

/** A conversation under another prompt, and perhaps another model, whose count is not known yet. */
function counted(conversation: Conversation, { contract, promptBytes, transcriptTokens }: Adopted): Conversation {
  const { countedTokens, uncountedTokens } = conversation;
  return {
    ...conversation,
    countedTokens: transcriptTokens === null ? countedTokens : Math.max(countedTokens, transcriptTokens),
    uncountedTokens: uncountedTokens + promptBytes + contract.model.promptOverheadTokens,
  };
}

function record(
  { journal }: GuardContext,
  input: MigrationInput,
  from: string,
  { contract, contractSha256, grant, authorization }: Adopted,
): void {
  const { by, reason = null } = input;
  journal.emit('contract_migrated', {
    from_sha256: from,
    to_sha256: contractSha256,
    limits: wireLimits(grant),
    model: `${contract.model.provider}/${contract.model.name}`,
    tools: Object.keys(contract.tools),
    by,
    reason,
    authorization,
  });
}

/**
 * Puts a session on the accounts of its contract that it is not on yet, with nothing leased: they are asked before the next
 * call. Those that it was on it stays on.
 */
function joinAccounts({ contract, principal, journal }: GuardContext): void {
  const { leases = {} } = journal.state().ledger;
  for (const account of accountsOf(contract.accounts, undefined, { user: principal.user, agent: contract.agent }))
    if (!Object.hasOwn(leases, account))
      journal.emit('account_leased', { account, n: 1, amounts: wireAmounts(NOTHING) });
}

function refusedBy(why: string, reason = 'NOT_NOW'): ApplicationFailure {
  return ApplicationFailure.create({
    message: `The session stays under its contract: ${why}.`,
    type: 'MIGRATION_REFUSED',
    nonRetryable: true,
    details: [{ reason }],
  });
}
