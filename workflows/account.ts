import {
  allHandlersFinished,
  ApplicationFailure,
  condition,
  continueAsNew,
  defineQuery,
  defineSignal,
  defineUpdate,
  setCurrentDetails,
  setHandler,
  sleep,
  workflowInfo,
} from '@temporalio/workflow';
import { AccountBook, type AccountCarry } from '../src/core/account-book.ts';
import {
  type AccountSetInput,
  type LeaseInput,
  type LeaseOutput,
  parseAccountSet,
  parseLeaseInput,
  parseSettle,
} from '../src/core/account-input.ts';
import { accountOfWorkflow } from '../src/core/account-name.ts';
import { accountDetails, type AccountView, accountViewOf } from '../src/core/account-view.ts';
import { NOTHING } from '../src/core/ledger.ts';
import type { HoldersCall } from '../src/core/account-calls.ts';
import { ACCOUNT_LEASE, ACCOUNT_QUERY, ACCOUNT_SET, ACCOUNT_SETTLE } from '../src/protocol.ts';
import { onlyArgument } from './only-argument.ts';
import { foundOf, windowFor } from './account-activities.ts';
import { within } from './within.ts';

/** Most sessions that one activity looks at. */
const HOLDERS_AT_ONCE = 50;
/** Leases that expire so soon are looked at together. */
const TOGETHER_MS = 30_000;
/** How long it waits for a worker that knows its time zone. */
const RETRY_MS = 60_000;
/** Longest timer: an account waits on, whatever is due. */
const LONGEST_WAIT_MS = 30 * 86_400_000;

/**
 * The budget of a tenant, a user or an agent over a window: it leases amounts to sessions, and knows who holds what. It is
 * made by the update {@link ACCOUNT_SET}, and goes on for ever.
 */
export async function budgetAccount(...args: unknown[]): Promise<void> {
  const carried = carriedOf(args);
  const account = accountOfWorkflow(workflowInfo().workflowId) ?? workflowInfo().workflowId;
  let book = carried && new AccountBook(carried);
  let isSetting = false;
  let wasRefused = false;

  const view = (from = 0): AccountView => accountViewOf(account, opened(book, account), from);
  const publish = (): void => {
    if (book) setCurrentDetails(accountDetails(account, book));
  };
  /** One at a time: each may wait for when a window begins. */
  const alone = async <T>(work: () => Promise<T>): Promise<T> => {
    const isFree = (): boolean => !isSetting;
    // Of several that wait, one goes on: looked at again.
    while (!isFree()) await condition(isFree);
    isSetting = true;
    try {
      return await work();
    } finally {
      isSetting = false;
    }
  };
  const set = (input: AccountSetInput): Promise<AccountView> =>
    alone(async () => {
      const { per, timeZone = 'UTC' } = input;
      const isSame = book && book.terms.per === per && (book.terms.timeZone ?? 'UTC') === timeZone;
      const window = isSame && book ? book.window : await windowFor({ per, timeZone, atMs: Date.now() });
      wasRefused ||= window === null;
      if (!window) throw ApplicationFailure.nonRetryable(`There is no time zone ${timeZone} here.`, 'INPUT_INVALID');
      const terms = { ...input, setMs: Date.now() };
      if (book) book.set(terms, window);
      else book = new AccountBook({ terms, window, posted: NOTHING, late: NOTHING, leases: [] });
      publish();
      return view();
    });
  const roll = (current: AccountBook): Promise<void> =>
    alone(async () => {
      const { per, timeZone = 'UTC' } = current.terms;
      if ((current.window.endMs ?? Number.POSITIVE_INFINITY) > Date.now()) return;
      const window = await windowFor({ per, timeZone, atMs: Date.now() });
      if (window) current.roll(window, Date.now());
      // A worker without this time zone: until there is another, nothing that was spent is forgotten.
      else await sleep(RETRY_MS, { summary: 'no worker knows the time zone' });
    });

  setHandler(defineUpdate<AccountView, [AccountSetInput]>(ACCOUNT_SET), set, {
    description: 'What the account may spend: {"usd", "tokens", "toolCalls", "per", "timeZone", "by", "reason"}.',
    validator: (...given) => void onlyArgument(given, parseAccountSet),
  });
  setHandler(
    defineUpdate<LeaseOutput, [LeaseInput]>(ACCOUNT_LEASE),
    ({ asks }) => {
      const answers = asks.map((ask) => opened(book, account).lease(account, ask, Date.now()));
      publish();
      return { answers };
    },
    {
      description: 'Leases to sessions. Workers of aegrail ask for it.',
      validator: (...given) => {
        onlyArgument(given, parseLeaseInput);
        opened(book, account);
      },
    },
  );
  setHandler(
    defineSignal<unknown[]>(ACCOUNT_SETTLE),
    (...given) => {
      try {
        book?.settle(onlyArgument(given, parseSettle), Date.now());
        publish();
      } catch {
        // Nobody hears an answer to a signal, and the account is not to be harmed by it.
      }
    },
    { description: 'Ends the lease of a session that has ended. Workers of aegrail send it.' },
  );
  setHandler(
    defineQuery<AccountView, [unknown?]>(ACCOUNT_QUERY),
    (from) => view(Number.isSafeInteger(from) ? (from as number) : 0),
    {
      description: 'The account: its limits, what is spent, and who holds what. The argument: from which lease on.',
    },
  );

  // A first `set` that is refused leaves nothing behind.
  await condition(() => book !== null || (wasRefused && allHandlersFinished()));
  if (!book) return;
  for (const current = book; ;) {
    publish();
    if (workflowInfo().continueAsNewSuggested) {
      await condition(allHandlersFinished);
      await continueAsNew<(carry: AccountCarry) => Promise<void>>(current.carry());
    }
    const nowMs = Date.now();
    if (current.dueMs() > nowMs) {
      const armedMs = Math.min(current.dueMs(), nowMs + LONGEST_WAIT_MS);
      const isWanted = (): boolean => workflowInfo().continueAsNewSuggested || current.dueMs() < armedMs;
      await within(isWanted, armedMs - nowMs, 'the end of a window, or a look at who holds leases');
      continue;
    }
    await roll(current);
    const holders = current.expired(nowMs + TOGETHER_MS, HOLDERS_AT_ONCE).map(({ session, n }) => ({ session, n }));
    if (holders.length > 0) {
      const call: HoldersCall = { holders, atMs: nowMs };
      current.found(await foundOf(call), Date.now());
    }
  }
}

/** The carry of a run that this one continues; null for whoever else gives an argument. */
function carriedOf(args: readonly unknown[]): AccountCarry | null {
  return args.length === 1 && workflowInfo().continuedFromExecutionRunId ? (args[0] as AccountCarry) : null;
}

/** @throws ApplicationFailure ACCOUNT_UNKNOWN while nobody has set it */
function opened(book: AccountBook | null, account: string): AccountBook {
  if (book) return book;
  throw ApplicationFailure.nonRetryable(`The account ${account} was not set yet.`, 'ACCOUNT_UNKNOWN');
}
