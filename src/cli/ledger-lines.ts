import { pendingAmounts } from '../core/ledger.ts';
import { formatUsd } from '../core/units.ts';
import type { SessionView } from '../protocol.ts';
import { table } from './table.ts';
import { duration } from './text.ts';

const NONE = 'none';

/** How long a session has run until `nowMs`. A query's own clock stands still between two steps of the workflow. */
function wallMs({ ledger, budget, result }: SessionView, nowMs: number): number {
  return result ? budget.wall_elapsed * 1_000 : Math.max(0, nowMs - ledger.startedMs);
}

/** The ledger as a table: used, reserved and limit of each dimension. `nowMs`: for a session that was ended from outside, when that was. */
export function ledgerTable(view: SessionView, nowMs: number): string[] {
  const { grant, posted, depth } = view.ledger;
  const pending = pendingAmounts(view.ledger);
  const whole = (amount: number | null): string => (amount === null ? NONE : String(amount));
  return table(
    [
      { head: 'budget' },
      { head: 'used', align: 'right' },
      { head: 'reserved', align: 'right' },
      { head: 'limit', align: 'right' },
    ],
    [
      [
        'usd',
        formatUsd(posted.usdNano),
        formatUsd(pending.usdNano),
        grant.usdNano === null ? NONE : formatUsd(grant.usdNano),
      ],
      ['tokens', whole(posted.tokens), whole(pending.tokens), whole(grant.tokens)],
      ['tool calls', whole(posted.toolCalls), whole(pending.toolCalls), whole(grant.toolCalls)],
      ['wall clock', duration(wallMs(view, nowMs)), '', duration(grant.wallMs)],
      ['recursion depth', whole(depth), '', whole(grant.recursionDepth)],
    ],
  );
}

/** The ledger in one line, for a terminal that is watched. What is reserved is in brackets. */
export function ledgerLine(view: SessionView, nowMs: number): string {
  const { grant, posted } = view.ledger;
  const pending = pendingAmounts(view.ledger);
  const of = (limit: string | number | null): string => (limit === null ? '' : `/${limit}`);
  const usd = (nano: number): string => formatUsd(nano).replace(' USD', '');
  const reserved = (text: string, amount: number): string => (amount === 0 ? '' : ` (+${text})`);
  return [
    `usd ${usd(posted.usdNano)}${reserved(usd(pending.usdNano), pending.usdNano)}${of(grant.usdNano === null ? null : usd(grant.usdNano))}`,
    `tokens ${posted.tokens}${reserved(String(pending.tokens), pending.tokens)}${of(grant.tokens)}`,
    `calls ${posted.toolCalls}${reserved(String(pending.toolCalls), pending.toolCalls)}${of(grant.toolCalls)}`,
    `${duration(Math.floor(wallMs(view, nowMs) / 1_000) * 1_000)}${of(duration(grant.wallMs))}`,
    view.doing,
  ].join('  ');
}
