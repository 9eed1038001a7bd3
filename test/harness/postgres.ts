import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import pg from 'pg';
import { choosePorts } from '../../src/devserver/ports.ts';
import { guardAgainstOurEnd } from '../../src/devserver/watchdog.ts';
import { HOW_TO_GET, postgresBinaries, serverUser } from './postgres-binaries.ts';

/** With every character that means something in a URL. */
const PASSWORD = 'p@ss/w:rd?#%41';
const USER = 'aegrail';
const DATABASE = 'postgres';
const READY = /database system is ready to accept connections/;
const KEPT_LINES = 30;

/** A PostgreSQL server of a test's own, on loopback, with fsync on as in production. */
export interface Postgres {
  readonly port: number;
  readonly version: string;
  /** A URL of its one database, for a superuser. */
  url(parameters?: Readonly<Record<string, string>>): string;
  /** Runs one statement as the superuser, on a connection of its own. */
  sql(statement: string): Promise<readonly Readonly<Record<string, unknown>>[]>;
  /** `fast` ends every connection and saves what is in memory; `immediate` is a crash: what no commit waited for is lost. */
  stop(how: 'fast' | 'immediate'): Promise<void>;
  /** Starts again, on the same port and data. */
  start(): Promise<void>;
  /** Stops, and removes the data. */
  dispose(): Promise<void>;
}

interface Cluster {
  readonly folder: string;
  readonly bin: string;
  readonly version: string;
}

/** Makes a new cluster in a temporary folder and starts it. About a second. */
export async function startPostgres(): Promise<Postgres> {
  const folder = mkdtempSync(join(tmpdir(), 'aegrail-pg-'));
  const cluster = makeCluster(folder);
  const [port = 0] = await choosePorts([{ use: 'PostgreSQL', port: undefined }]);
  let running = await run(cluster, port);
  const url = (parameters: Readonly<Record<string, string>> = {}): string =>
    `postgres://${USER}:${encodeURIComponent(PASSWORD)}@127.0.0.1:${port}/${DATABASE}?${new URLSearchParams(parameters).toString()}`;
  return {
    port,
    version: cluster.version,
    url,
    async sql(statement) {
      const client = new pg.Client(url());
      await client.connect();
      try {
        return (await client.query<Record<string, unknown>>(statement)).rows;
      } finally {
        await client.end();
      }
    },
    stop: (how) => running.stop(how),
    async start() {
      running = await run(cluster, port);
    },
    async dispose() {
      await running.stop('immediate');
      rmSync(folder, { recursive: true });
    },
  };
}

/** Runs initdb with the first binaries that work here. */
function makeCluster(folder: string): Cluster {
  const user = serverUser();
  chmodSync(folder, 0o755);
  const home = join(folder, 'home');
  mkdirSync(home, { mode: 0o700 });
  const passwordFile = join(home, 'password');
  writeFileSync(passwordFile, PASSWORD, { mode: 0o600 });
  if (user) for (const path of [home, passwordFile]) chownSync(path, user.uid, user.gid);
  const failures: string[] = [];
  for (const bin of postgresBinaries(folder)) {
    const arguments_ = [
      '-D',
      join(home, 'data'),
      '-U',
      USER,
      '--auth=scram-sha-256',
      `--pwfile=${passwordFile}`,
      '--encoding=UTF8',
      '--locale=C',
      '--no-sync',
    ];
    try {
      execFileSync(join(bin, 'initdb'), arguments_, {
        ...user,
        cwd: home,
        env: serverEnv(home),
        stdio: 'pipe',
        encoding: 'utf8',
      });
      const version = execFileSync(join(bin, 'postgres'), ['--version'], {
        ...user,
        cwd: home,
        env: serverEnv(home),
        encoding: 'utf8',
      });
      return { folder, bin, version: version.trim() };
    } catch (thrown) {
      failures.push(`${bin}: ${(thrown as Error).message}`);
      rmSync(join(home, 'data'), { recursive: true, force: true });
    }
  }
  rmSync(folder, { recursive: true });
  throw new Error(`No PostgreSQL runs here: ${HOW_TO_GET}.\n${failures.join('\n')}`);
}

interface Running {
  stop(how: 'fast' | 'immediate'): Promise<void>;
}

async function run({ folder, bin }: Cluster, port: number): Promise<Running> {
  const home = join(folder, 'home');
  const settings = [
    `port=${port}`,
    'listen_addresses=127.0.0.1',
    'unix_socket_directories=',
    'shared_buffers=16MB',
    'logging_collector=off',
  ];
  const child = spawn(
    join(bin, 'postgres'),
    ['-D', join(home, 'data'), ...settings.flatMap((setting) => ['-c', setting])],
    {
      ...serverUser(),
      cwd: home,
      env: serverEnv(home),
      // A group of its own: Ctrl-C in the terminal is for us.
      detached: true,
      stdio: ['ignore', 'ignore', 'pipe'],
    },
  );
  const ended = once(child, 'exit');
  const lines: string[] = [];
  const ready = new Promise<void>((done, fail) => {
    createInterface(child.stderr).on('line', (line) => {
      if (lines.push(line) > KEPT_LINES) lines.shift();
      if (READY.test(line)) done();
    });
    child.once('exit', () => fail(new Error(`postgres ended before it was ready:\n${lines.join('\n')}`)));
    child.once('error', fail);
  });
  await ready;
  if (child.pid !== undefined) child.once('exit', guardAgainstOurEnd(child.pid));
  return {
    async stop(how) {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill(how === 'fast' ? 'SIGINT' : 'SIGQUIT');
      await ended;
    },
  };
}

/** Nothing of ours: no PGDATA, no PGPORT, no locale that the machine may not have. */
function serverEnv(home: string): NodeJS.ProcessEnv {
  return { PATH: process.env['PATH'], HOME: home, LC_ALL: 'C', TZ: 'UTC' };
}
