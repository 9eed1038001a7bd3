import { Client, Connection } from '@temporalio/client';
import type { PayloadCodec } from '@temporalio/common';
import { dataConverter } from '../bundle/workflow-file.ts';
import type { Env } from '../config/environment.ts';
import { type ServerChoice, serverSettings, type ServerSettings } from './settings.ts';
import { CONNECT_WITHIN_MS, refuseClosedPort, unreachable } from './unreachable.ts';

/** A client of a server that answered. */
export interface Connected {
  readonly client: Client;
  readonly connection: Connection;
  readonly server: ServerSettings;
  close(): Promise<void>;
}

/**
 * Connects a client.
 *
 * @param codec what encrypts payloads, the worker's own
 * @throws AegrailError SERVER_UNREACHABLE within some 5 s, CONFIG_INVALID for settings that are wrong
 */
export async function connectClient(choice: ServerChoice, env: Env, codec?: PayloadCodec): Promise<Connected> {
  const server = serverSettings(choice, env);
  await refuseClosedPort(server.address);
  try {
    const { address, tls, apiKey, metadata } = server.connection;
    const connection = await Connection.connect({
      connectTimeout: CONNECT_WITHIN_MS,
      ...(address === undefined ? {} : { address }),
      ...(tls === undefined ? {} : { tls }),
      ...(apiKey === undefined ? {} : { apiKey }),
      ...(metadata === undefined ? {} : { metadata }),
    });
    const client = new Client({ connection, namespace: server.namespace, dataConverter: dataConverter(codec) });
    return { client, connection, server, close: () => connection.close() };
  } catch (thrown) {
    throw unreachable(server.address, thrown);
  }
}
