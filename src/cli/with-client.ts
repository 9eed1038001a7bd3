import type { Client } from '@temporalio/client';
import type { Aegrail } from '../client.ts';
import type { ServerChoice } from '../temporal/settings.ts';
import type { Terminal } from './terminal.ts';

/** A connected client, Temporal's and ours. */
export interface Clients {
  readonly client: Client;
  readonly aegrail: Aegrail;
}

/** Connects, works, and closes. Temporal's SDK is loaded here. @throws AegrailError SERVER_UNREACHABLE */
export async function withClient<T>(
  choice: ServerChoice & { readonly taskQueue?: string | undefined },
  terminal: Terminal,
  work: (clients: Clients) => Promise<T>,
): Promise<T> {
  const [{ connectClient }, { Aegrail }] = await Promise.all([
    import('../temporal/connect.ts'),
    import('../client.ts'),
  ]);
  const connected = await connectClient(choice, terminal.env);
  const { client } = connected;
  try {
    const { taskQueue } = choice;
    return await work({ client, aegrail: new Aegrail(client, taskQueue === undefined ? {} : { taskQueue }) });
  } finally {
    await connected.close();
  }
}
