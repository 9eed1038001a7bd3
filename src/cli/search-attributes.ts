import type { Command } from 'commander';
import type { Env } from '../config/environment.ts';
import { AegrailError } from '../core/errors.ts';
import type { ServerChoice } from '../temporal/settings.ts';
import type { Invocation } from './invocation.ts';
import { withExample, withJson, withServer } from './options.ts';
import type { Terminal } from './terminal.ts';

interface Options extends ServerChoice {
  readonly json?: true;
}

/** Adds `aegrail search-attributes`. */
export function addSearchAttributes(program: Command, { terminal }: Invocation): void {
  const command = program
    .command('search-attributes')
    .description(
      'register in a Temporal namespace what sessions are found by there: agent, user, state, outcome; what is there stays',
    )
    .action(async ({ json, ...choice }: Options) => {
      const { namespace, added, present } = await register(choice, terminal.env);
      if (json) return terminal.line(JSON.stringify({ namespace, added, present }));
      for (const name of added) await terminal.line(`${name}: registered in ${namespace}`);
      for (const name of present) await terminal.line(`${name}: was there already`);
    });
  withServer(command);
  withJson(command, 'one JSON document');
  withExample(
    command,
    'aegrail search-attributes --address temporal:7233 --namespace agents',
    `temporal workflow list --query 'AegrailState="approval"'`,
  );
}

/** Registers them before a worker starts. A namespace that does not take them is told of, and used without. */
export async function registerWherePermitted(choice: ServerChoice, env: Env, terminal: Terminal): Promise<void> {
  try {
    await register(choice, env);
  } catch (thrown) {
    if (!(thrown instanceof AegrailError) || thrown.code !== 'SEARCH_ATTRIBUTES_REFUSED') throw thrown;
    terminal.say(`${thrown.message} Sessions run without them.`);
  }
}

async function register(
  choice: ServerChoice,
  env: Env,
): Promise<{ readonly namespace: string; readonly added: readonly string[]; readonly present: readonly string[] }> {
  const [{ connectClient }, { registerSearchAttributes }] = await Promise.all([
    import('../temporal/connect.ts'),
    import('../temporal/search-attributes.ts'),
  ]);
  const connected = await connectClient(choice, env);
  try {
    const { namespace } = connected.server;
    return { namespace, ...(await registerSearchAttributes(connected.connection, namespace)) };
  } finally {
    await connected.close();
  }
}
