import type { Command } from 'commander';
import type { Reconciled } from '../audit/reconcile.ts';
import type { ServerChoice } from '../temporal/settings.ts';
import { readConfig } from './config.ts';
import { EXIT } from './exit-codes.ts';
import type { Invocation } from './invocation.ts';
import { withConfig, withExample, withJson, withLogLevel, withServer } from './options.ts';
import type { Terminal } from './terminal.ts';
import { printable } from './text.ts';
import { withClient } from './with-client.ts';
import { withStore } from './with-store.ts';

interface Options extends ServerChoice {
  readonly config?: string;
  readonly closeUnknown?: true;
  readonly json?: true;
  readonly logLevel: string;
}

/** Adds `aegrail audit reconcile`. */
export function addAuditReconcile(audit: Command, invocation: Invocation): void {
  const command = audit
    .command('reconcile')
    .description(
      'find sessions that ended without their end in the store (terminated, worker lost, store was down) and close them from history',
    )
    .option(
      '--close-unknown',
      'close also what Temporal does not know: only when this is surely the right server and namespace',
    )
    .action((options: Options) => reconcileAll(options, invocation));
  withConfig(command);
  withServer(command);
  withLogLevel(command);
  withJson(command, 'a line of JSON for each session that was looked at');
  withExample(command, 'aegrail audit reconcile -c aegrail.yaml');
}

async function reconcileAll(options: Options, { terminal, endWith }: Invocation): Promise<void> {
  const counts = new Map<Reconciled['found'], number>();
  await withStore(options.config, terminal, (store) =>
    withClient(options, terminal, async ({ client }) => {
      const [{ reconcile }, { sessionsInTemporal }] = await Promise.all([
        import('../audit/reconcile.ts'),
        import('./sessions-in-temporal.ts'),
      ]);
      const config = await readConfig(options.config, terminal.cwd);
      const temporal = sessionsInTemporal(client, config, options.logLevel, terminal);
      for await (const one of reconcile(store, temporal, { closeUnknown: options.closeUnknown ?? false })) {
        counts.set(one.found, (counts.get(one.found) ?? 0) + 1);
        if (one.found === 'problem') endWith(EXIT.bad);
        await tell(one, options, terminal);
      }
    }),
  );
  terminal.say(summary(counts));
}

async function tell(one: Reconciled, { json }: Options, terminal: Terminal): Promise<void> {
  if (json) return terminal.line(JSON.stringify(one));
  // What needs no hand of anybody's is counted, and not listed.
  if (one.found === 'running' || one.found === 'never_opened') return undefined;
  return terminal.line(printable(`${one.sessionId}: ${wordsFor(one)}`));
}

function wordsFor(one: Reconciled): string {
  switch (one.found) {
    case 'closed': {
      const records = `${one.appended} ${one.appended === 1 ? 'record' : 'records'} appended`;
      return one.terminated ? `closed, ${records}, the last one session_terminated` : `closed, ${records}`;
    }
    case 'unknown':
      return 'Temporal does not know it: another server or namespace, or past its retention (--close-unknown closes it)';
    case 'problem':
      return one.why;
    default:
      return one.found;
  }
}

function summary(counts: ReadonlyMap<Reconciled['found'], number>): string {
  const of = (found: Reconciled['found']): number => counts.get(found) ?? 0;
  const parts = [`${of('closed')} closed`, `${of('running')} running`];
  if (of('unknown') > 0) parts.push(`${of('unknown')} unknown to Temporal`);
  if (of('problem') > 0) parts.push(`${of('problem')} with a problem`);
  return `reconciled: ${parts.join(', ')}`;
}
