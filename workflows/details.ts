import { plainMarkdown } from '../src/core/markdown.ts';
import type { SessionView } from '../src/protocol.ts';

/** The UI's tables have no space between their columns. */
const GAP = '\u2003';

/** The ledger as Markdown, for the session's page in the Temporal UI. */
export function ledgerTable(view: SessionView): string {
  const { budget, limits, principal } = view;
  const rows: [string, number, number, number | undefined][] = [
    ['usd', budget.usd_used, budget.usd_reserved, limits.usd],
    ['tokens', budget.tokens_used, budget.tokens_reserved, limits.tokens],
    ['tool calls', budget.tool_calls, budget.tool_calls_reserved, limits.maxToolCalls],
    ['wall seconds', budget.wall_elapsed, 0, limits.wallSeconds],
    ['recursion depth', budget.recursion_depth, 0, limits.maxRecursionDepth],
  ];
  return [
    `**${plainMarkdown(principal.id)}** for **${plainMarkdown(principal.user)}**, ${plainMarkdown(view.model)}`,
    '',
    `Now: ${plainMarkdown(view.doing)}`,
    '',
    `| budget |${GAP}used |${GAP}reserved |${GAP}limit | |`,
    '| --- | ---: | ---: | ---: | --- |',
    ...rows.map(
      ([name, used, reserved, limit]) =>
        `| ${name} |${GAP}${used} |${GAP}${reserved} |${GAP}${limit ?? 'none'} |${GAP}${bar(used + reserved, limit)} |`,
    ),
    '',
    `Records: ${view.nextSeq}. To stop it: Request Cancellation.`,
  ].join('\n');
}

/** Ten blocks, filled by how much of the limit is taken. */
function bar(taken: number, limit: number | undefined): string {
  if (limit === undefined || limit <= 0) return '';
  const filled = Math.min(10, Math.round((taken / limit) * 10));
  return `${'█'.repeat(filled)}${'░'.repeat(10 - filled)} ${Math.round((taken / limit) * 100)} %`;
}
