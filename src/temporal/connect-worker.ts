import { NativeConnection } from '@temporalio/worker';
import { AegrailError } from '../core/errors.ts';
import type { Env } from '../config/environment.ts';
import { connectClient } from './connect.ts';
import type { ServerChoice, ServerSettings } from './settings.ts';
import { unreachable } from './unreachable.ts';

/** A connection for workers, to a server that answered and has the namespace. */
export interface WorkerConnection {
  readonly connection: NativeConnection;
  readonly server: ServerSettings;
}

/** Connects a worker. @throws AegrailError SERVER_UNREACHABLE, CONFIG_INVALID for a namespace that is not there */
export async function connectWorker(choice: ServerChoice, env: Env): Promise<WorkerConnection> {
  // The native connection knows no timeout and says little of why: the client asks first.
  const probe = await connectClient(choice, env);
  const { server, client } = probe;
  try {
    await client.workflowService.describeNamespace({ namespace: server.namespace });
  } catch (thrown) {
    if ((thrown as { code?: unknown }).code === 5) {
      throw new AegrailError(
        'CONFIG_INVALID',
        `The Temporal server at ${server.address} has no namespace ${server.namespace}. Name another with --namespace or TEMPORAL_NAMESPACE.`,
        { cause: thrown },
      );
    }
    // Who may work in a namespace need not be allowed to describe it.
  } finally {
    await probe.close();
  }
  try {
    return { connection: await NativeConnection.connect(server.connection), server };
  } catch (thrown) {
    throw unreachable(server.address, thrown);
  }
}
