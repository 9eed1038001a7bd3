import { type Command, InvalidArgumentError } from 'commander';
import type { Erasure } from '../notary/erase.ts';
import { signedNote } from './audit-checkpoint.ts';
import type { Invocation } from './invocation.ts';
import { withConfig, withExample, withJson } from './options.ts';
import type { Terminal } from './terminal.ts';
import { withNotary } from './with-notary.ts';

interface Options {
  readonly session: string;
  readonly reason: string;
  readonly config?: string;
  readonly json?: true;
}

/** Longest text of an entry, in characters. */
const MAX_REASON = 2_000;

/** Adds `aegrail audit erase`. */
export function addAuditErase(audit: Command, { terminal }: Invocation): void {
  const command = audit
    .command('erase')
    .description('erase the transcript and payloads of a session that has ended; its log stays, and says so, signed')
    .requiredOption('--session <id>', 'the session')
    .requiredOption('--reason <text>', 'why: it is in the log for good, so name no person in it', reason)
    .action((options: Options) => erase(options, terminal));
  withConfig(command);
  withJson(command, 'one JSON document');
  withExample(
    command,
    'aegrail audit erase --session sess_1795000000000_3f2a9c81d4e7 --reason "request 4711 of 2026-03-02"',
  );
}

async function erase({ session, reason, config, json }: Options, terminal: Terminal): Promise<void> {
  await withNotary(config, terminal, async ({ store, notary }) => {
    const { eraseSession } = await import('../notary/erase.ts');
    const eraser = { store, notary, now: () => Date.now() };
    const { blobs, bytes, record, tick } = await eraseSession(eraser, { sessionId: session, reason });
    const checkpoint = tick && signedNote(tick);
    if (json) await terminal.line(JSON.stringify({ session_id: session, blobs, bytes, record, checkpoint }));
    else await terminal.line(`${session}: ${WORDS[record](blobs, bytes)}`);
  });
  for (const line of elsewhere(session)) terminal.say(line);
}

const WORDS: Readonly<Record<Erasure['record'], (blobs: number, bytes: number) => string>> = {
  recorded: (blobs, bytes) => `${blobs} blobs (${bytes} bytes) erased, recorded in the log and signed`,
  before: (blobs, bytes) =>
    blobs === 0
      ? 'was erased before, as the log says'
      : `${blobs} blobs (${bytes} bytes) erased, which the log says already: an erasure that was interrupted`,
  nothing: () => 'has no transcript or payload: nothing was erased',
};

/** What is not in the store is not erased with it. */
function elsewhere(session: string): string[] {
  return [
    `Temporal's own history still holds arguments and answers of the session, until it is deleted (temporal workflow delete -w ${session}) or its retention passes.`,
    'Backups, replicas and snapshots of the store, and what sinks have passed on, are yours to erase.',
  ];
}

function reason(text: string): string {
  if (text.trim() === '' || text.length > MAX_REASON || !text.isWellFormed())
    throw new InvalidArgumentError(`It must be a text of 1 to ${MAX_REASON} characters.`);
  return text;
}
