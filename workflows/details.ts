import { plainMarkdown } from '../src/core/markdown.ts';
import type { SessionView, WaitingApproval } from '../src/protocol.ts';

/** Between what must stay in one line. */
const GLUE = '\u00a0';
/** The UI's tables have no space between their columns. */
const GAP = GLUE.repeat(3);

/** The session as Markdown, for its page in the Temporal UI: what it does, its ledger, and what it waits for. */
export function sessionDetails(view: SessionView): string {
  const { budget, limits, principal } = view;
  const rows: [string, number, number, number | undefined][] = [
    ['usd', budget.usd_used, budget.usd_reserved, limits.usd],
    ['tokens', budget.tokens_used, budget.tokens_reserved, limits.tokens],
    ['tool calls', budget.tool_calls, budget.tool_calls_reserved, limits.maxToolCalls],
    ['wall seconds', budget.wall_elapsed, 0, limits.wallSeconds],
    ['depth', budget.recursion_depth, 0, limits.maxRecursionDepth],
  ];
  return [
    `**${plainMarkdown(principal.id)}** for **${plainMarkdown(principal.user)}**, ${plainMarkdown(view.model)}`,
    '',
    `Now: ${plainMarkdown(view.doing)}`,
    '',
    ...view.approvals.flatMap(approvalLines),
    `| budget |${GAP}used |${GAP}reserved |${GAP}limit | |`,
    '| --- | ---: | ---: | ---: | --- |',
    ...rows.map(
      ([name, used, reserved, limit]) =>
        `| ${name.replace(' ', GLUE)} |${GAP}${used} |${GAP}${reserved} |${GAP}${limit ?? 'none'} |${GAP}${bar(used + reserved, limit)} |`,
    ),
    '',
    `Records: ${view.nextSeq}. To stop it: Request Cancellation.`,
  ].join('\n');
}

/** A call that waits for people, and what to send to decide it: ready to be copied. */
function approvalLines({ request, tool, digest, why, args, approvedBy, quorum, expiresAt }: WaitingApproval): string[] {
  const decision = { request, digest, decision: 'approve', by: 'YOU' };
  const shown = JSON.stringify(args) ?? '';
  return [
    `**${plainMarkdown(tool)}** waits for people (${approvedBy.length} of ${quorum}, until ${expiresAt}). ${plainMarkdown(why)}`,
    '',
    plainMarkdown(shown.length <= MAX_SHOWN ? shown : `${shown.slice(0, MAX_SHOWN)}…`),
    '',
    'To decide: More Actions, Send an Update, name `decide`, and this, with your name (or `deny`):',
    '',
    `\`\`\`\n${JSON.stringify(decision, null, 1)}\n\`\`\``,
    '',
  ];
}

/** Longest arguments that are shown here, in UTF-16 units; the query has all of them. */
const MAX_SHOWN = 400;

/** Ten blocks, filled by how much of the limit is taken. */
function bar(taken: number, limit: number | undefined): string {
  if (limit === undefined || limit <= 0) return '';
  const filled = Math.min(10, Math.round((taken / limit) * 10));
  return `${'█'.repeat(filled)}${'░'.repeat(10 - filled)}${GLUE}${Math.round((taken / limit) * 100)}${GLUE}%`;
}
