import type { Command } from 'commander';
import { AegrailError } from '../core/errors.ts';
import type { Tick } from '../notary/notary.ts';
import type { Invocation } from './invocation.ts';
import { withConfig, withExample, withJson } from './options.ts';
import type { Terminal } from './terminal.ts';
import { withNotary } from './with-notary.ts';

interface Options {
  readonly config?: string;
  readonly json?: true;
}

/** Adds `aegrail audit checkpoint`. */
export function addAuditCheckpoint(audit: Command, { terminal }: Invocation): void {
  const command = audit
    .command('checkpoint')
    .description(
      'commit to every record that the store has, and sign that now: prints the checkpoint, to be kept elsewhere',
    )
    .action((options: Options) => sign(options, terminal));
  withConfig(command);
  withJson(command, 'one JSON document');
  withExample(command, 'aegrail audit checkpoint > checkpoint.txt');
}

async function sign({ config, json }: Options, terminal: Terminal): Promise<void> {
  await withNotary(config, terminal, async ({ notary }) => {
    const tick = await notary.tick({ all: true });
    const note = signedNote(tick);
    const { parseNote } = await import('../signing/note.ts');
    const { parseCheckpoint } = await import('../signing/checkpoint.ts');
    const checkpoint = parseCheckpoint(parseNote(note).text);
    if (json) return terminal.line(JSON.stringify({ ...checkpoint, appended: tick.appended, note }));
    terminal.say(`checkpoint ${checkpoint.number}, of ${checkpoint.size} entries, ${tick.appended} of them new`);
    return terminal.line(note.replace(/\n$/, ''));
  });
}

/** A tick's checkpoint. @throws AegrailError when it stored none */
export function signedNote({ note, outcome }: Tick): string {
  if (note !== null) return note;
  if (outcome === 'not_our_key')
    throw new AegrailError('CONFIG_INVALID', 'No checkpoint was signed: the key is not the active one of the log.');
  throw new AegrailError('AUDIT_UNAVAILABLE', 'No checkpoint was signed: other writers were always first. Try again.');
}
