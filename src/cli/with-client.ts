import type { Client, Connection } from '@temporalio/client';
import type { Aegrail } from '../client.ts';
import type { ServerChoice } from '../temporal/settings.ts';
import { payloadCodecFor } from './payload-codec.ts';
import type { Terminal } from './terminal.ts';

/** A connected client, Temporal's and ours. */
export interface Clients {
  readonly client: Client;
  readonly connection: Connection;
  readonly aegrail: Aegrail;
}

/**
 * Connects, works, and closes. Temporal's SDK is loaded here. Payloads are encrypted and decrypted as {@link payloadCodecFor}
 * says; one that can't be decrypted hides no other.
 *
 * @throws AegrailError SERVER_UNREACHABLE, CONFIG_INVALID
 */
export async function withClient<T>(
  choice: ServerChoice & { readonly taskQueue?: string | undefined; readonly config?: string | undefined },
  terminal: Terminal,
  work: (clients: Clients) => Promise<T>,
): Promise<T> {
  const [{ connectClient }, { Aegrail }, { leavingUnreadable }, codec] = await Promise.all([
    import('../temporal/connect.ts'),
    import('../client.ts'),
    import('../codec/codec.ts'),
    payloadCodecFor(choice.config, terminal),
  ]);
  const connected = await connectClient(choice, terminal.env, codec && leavingUnreadable(codec));
  const { client, connection } = connected;
  try {
    const { taskQueue } = choice;
    return await work({
      client,
      connection,
      aegrail: new Aegrail(client, taskQueue === undefined ? {} : { taskQueue }),
    });
  } finally {
    await connected.close();
  }
}
