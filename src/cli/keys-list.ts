import type { Command } from 'commander';
import type { VerifierKey } from '../signing/key.ts';
import type { KnownKey } from '../signing/key-history.ts';
import type { Invocation } from './invocation.ts';
import { type KeysOptions, keysPlace } from './keys-folder.ts';
import { withExample, withJson } from './options.ts';
import { table } from './table.ts';
import type { Terminal } from './terminal.ts';
import { moment } from './text.ts';

interface Options extends KeysOptions {
  readonly json?: true;
}

/** A key as it is listed. */
interface ListedKey {
  readonly vkey: string;
  readonly id: string;
  /** When it became the active one; null where a variable holds it, and no log says so yet. */
  readonly since: string | null;
  readonly state: 'active' | 'rotated' | 'revoked';
  readonly revoked: { readonly at: string; readonly reason: string } | null;
}

const COLUMNS = [{ head: 'verifier key' }, { head: 'since (UTC)' }, { head: 'state' }] as const;

/** Adds `aegrail keys list`. */
export function addKeysList(keys: Command, { terminal }: Invocation): Command {
  const command = keys
    .command('list')
    .description('list verifier keys, the oldest first: since when, and whether active, rotated or revoked')
    .action((options: Options) => list(options, terminal));
  withJson(command, 'a line of JSON for each key');
  return withExample(command, 'aegrail keys list --dir ./keys');
}

async function list(options: Options, terminal: Terminal): Promise<void> {
  const rows = await listed(options, terminal);
  if (options.json) for (const row of rows) await terminal.line(JSON.stringify(row));
  else for (const line of table(COLUMNS, rows.map(cells))) await terminal.line(line);
}

async function listed(options: Options, terminal: Terminal): Promise<ListedKey[]> {
  const { dir, origin, keyEnv, config } = await keysPlace(options, terminal);
  if (keyEnv === null || origin === null || !config) {
    const { readStatements } = await import('../signing/keyring-file.ts');
    return readStatements(dir).history.keys().map(known);
  }
  const { openKeyring } = await import('../signing/keyring.ts');
  const keyring = openKeyring({ origin, keyEnv }, dir, terminal.env);
  const { previous } = keyring;
  const held = [
    ...(previous ? [listedAs(previous.verifier, 'rotated')] : []),
    listedAs(keyring.active().verifier, 'active'),
  ];
  const { keysInStore } = await import('./keys-in-store.ts');
  const logged = (await keysInStore(config, terminal)).keys().map(known);
  // The log may not have heard yet of what the variables say; what it says of a revocation only it knows.
  const inLog = logged.map((row) => {
    const own = held.find(({ vkey }) => vkey === row.vkey);
    return own && !row.revoked ? { ...row, state: own.state } : row;
  });
  return [...inLog, ...held.filter(({ vkey }) => !logged.some((row) => row.vkey === vkey))];
}

function listedAs({ vkey, id }: VerifierKey, state: 'active' | 'rotated'): ListedKey {
  return { vkey, id, since: null, state, revoked: null };
}

function known({ key, at, until, revoked }: KnownKey): ListedKey {
  const state = revoked ? 'revoked' : until === null ? 'active' : 'rotated';
  return {
    vkey: key.vkey,
    id: key.id,
    since: at,
    state,
    revoked: revoked && { at: revoked.at, reason: revoked.reason },
  };
}

function cells({ vkey, since, state, revoked }: ListedKey): string[] {
  const why = revoked ? ` (${moment(new Date(revoked.at))}: ${revoked.reason})` : '';
  return [vkey, since === null ? '?' : moment(new Date(since)), `${state}${why}`];
}
