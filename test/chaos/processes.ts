import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { COMPILE_CACHE } from '../harness/compile-cache.ts';
import { type DevServer, startDevServer } from '../../src/devserver/server.ts';

/** A process that is killed and comes back, as under a supervisor. */
export interface Victim {
  readonly name: string;
  /** Resolves when it is up and does its work. */
  ready(): Promise<void>;
  /** SIGKILL, so that nothing of it can say goodbye, and a new one at once. Resolves when the old one is dead. */
  kill(): Promise<void>;
  /** How often it ended although nobody killed it. */
  readonly fell: () => number;
  /** Ends it for good. */
  stop(): Promise<void>;
}

/** What a worker process is started with. */
export interface WorkerPlace {
  readonly folder: string;
  readonly config: string;
  readonly address: string;
  readonly bundlePath: string;
  readonly modelUrl: string;
}

/** A worker, kept up. */
export function superviseWorker(name: string, place: WorkerPlace, say: (line: string) => void): Victim {
  const file = fileURLToPath(new URL('../fixtures/workflows/worker-process.ts', import.meta.url));
  const { folder, config, address, bundlePath, modelUrl } = place;
  let isStopped = false;
  let fell = 0;
  let killed: ChildProcess | null = null;
  const spawned = (): { child: ChildProcess; up: Promise<void> } => {
    const child = spawn(process.execPath, [file, folder, config, address, bundlePath], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...COMPILE_CACHE,
        PATH: process.env['PATH'],
        HOME: folder,
        OPENAI_BASE_URL: modelUrl,
        OPENAI_API_KEY: 'test',
      },
    });
    let lastWords = '';
    child.stderr.on('data', (chunk: Buffer) => (lastWords = (lastWords + chunk.toString()).slice(-2_000)));
    void once(child, 'exit').then(async ([code, signal]) => {
      if (isStopped) return;
      if (killed !== child) {
        fell += 1;
        say(`${name} ended by itself (${String(code ?? signal)}): ${lastWords.trim().split('\n').at(-1) ?? ''}`);
        await delay(200);
        if (!isStopped) current = spawned();
      }
    });
    const up = Promise.race([once(child.stdout, 'data'), once(child, 'exit')]).then(() => {});
    return { child, up };
  };
  let current = spawned();
  return {
    name,
    fell: () => fell,
    async ready() {
      for (let seen = null; seen !== current;) {
        seen = current;
        await seen.up;
      }
    },
    async kill() {
      const { child } = current;
      killed = child;
      await endOf(child, 'SIGKILL');
      current = spawned();
    },
    async stop() {
      isStopped = true;
      await endOf(current.child, 'SIGKILL');
    },
  };
}

async function endOf(child: ChildProcess, signal: 'SIGKILL'): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill(signal);
  await exited;
}

/** The Temporal server, with its workflows in a file, kept up at one address. */
export interface ServerVictim extends Victim {
  readonly address: string;
}

/** Starts the server and keeps it up. */
export async function superviseServer(binary: string, dbFile: string): Promise<ServerVictim> {
  const first = await startDevServer({ binary, dbFile });
  const ports = [first.address, first.uiUrl].map((text) => Number(text.split(':').at(-1)));
  const [port = 0, uiPort = 0] = ports;
  let current = Promise.resolve<DevServer>(first);
  return {
    name: 'server',
    address: first.address,
    fell: () => 0,
    async ready() {
      await current;
    },
    async kill() {
      const { pid, exited } = await current;
      process.kill(pid, 'SIGKILL');
      await exited;
      current = startDevServer({ binary, dbFile, port, uiPort });
      // Whoever waits for it hears of it; nobody may be waiting yet.
      current.catch(() => {});
    },
    async stop() {
      await (await current).stop();
    },
  };
}
