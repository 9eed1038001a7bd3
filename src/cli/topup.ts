import type { Command } from 'commander';
import { formatUsd, usdToNano } from '../core/units.ts';
import type { TopUpResult } from '../protocol.ts';
import type { ServerChoice } from '../temporal/settings.ts';
import type { Invocation } from './invocation.ts';
import { decimal, withExample, withJson, withServer } from './options.ts';
import { describeSession } from './session-state.ts';
import { waitingFor, WORKER } from './waiting.ts';
import { withClient } from './with-client.ts';

interface Options extends ServerChoice {
  readonly usd?: number;
  readonly tokens?: number;
  readonly maxToolCalls?: number;
  readonly id?: string;
  readonly by: string;
  readonly reason?: string;
  readonly json?: true;
}

/** Adds `aegrail topup`. */
export function addTopUp(program: Command, { terminal }: Invocation): void {
  const command = program
    .command('topup')
    .description("raise a session's budget, where its contract asks at the limit (budget: { onExceeded: ask })")
    .argument('<id>', 'the session')
    .option('--usd <number>', 'so many USD more', decimal)
    .option('--tokens <number>', 'so many tokens more', decimal)
    .option('--max-tool-calls <number>', 'so many tool calls more', decimal)
    .requiredOption('--by <who>', 'who raises it')
    .option('--reason <text>', 'why')
    .option('--id <id>', 'the same id twice is one top-up: give one if it may have to be sent again')
    .action(async (id: string, { json, id: topUpId, usd, tokens, maxToolCalls, by, reason, ...choice }: Options) =>
      withClient(choice, terminal, async ({ aegrail }) => {
        const given = Object.entries({ id: topUpId, usd, tokens, maxToolCalls, reason }).filter(
          ([, value]) => value !== undefined,
        );
        const session = aegrail.session(id);
        await describeSession(session);
        const asked = session.topUp({ by, ...Object.fromEntries(given) });
        const raised = await waitingFor(asked, WORKER, terminal);
        return terminal.line(json ? JSON.stringify({ sessionId: id, ...raised }) : `${id}: ${wordsFor(raised)}`);
      }),
    );
  withServer(command);
  withJson(command, 'one JSON document');
  withExample(command, 'aegrail topup sess_1795000000000_3f2a9c81d4e7 --usd 5 --by bob@acme.com --reason "worth it"');
}

function wordsFor({ limits: { usd, tokens, maxToolCalls }, budget }: TopUpResult): string {
  const parts: string[] = [];
  if (usd !== undefined)
    parts.push(`${formatUsd(usdToNano(usd))} granted, ${formatUsd(Math.round(budget.usd_used * 1e9))} used`);
  if (tokens !== undefined) parts.push(`${tokens} tokens granted, ${budget.tokens_used} used`);
  if (maxToolCalls !== undefined) parts.push(`${maxToolCalls} tool calls granted, ${budget.tool_calls} used`);
  return parts.join('; ');
}
