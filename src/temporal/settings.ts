import { loadClientConnectConfig } from '@temporalio/envconfig';
import type { Env } from '../config/environment.ts';
import { AegrailError, messageOf } from '../core/errors.ts';

/** Where a dev server listens by default, Temporal's own and ours. */
export const DEFAULT_ADDRESS = '127.0.0.1:7233';

/** What a command line may say of the server. It goes before environment and profile. */
export interface ServerChoice {
  readonly address?: string | undefined;
  readonly namespace?: string | undefined;
  readonly profile?: string | undefined;
}

/** How the server is reached. */
export interface ServerSettings {
  readonly address: string;
  readonly namespace: string;
  /** For Connection.connect and NativeConnection.connect alike: address, TLS, API key, metadata. */
  readonly connection: Omit<ReturnType<typeof loadClientConnectConfig>['connectionOptions'], 'plugins'>;
}

/**
 * The settings that every Temporal tool reads: TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TEMPORAL_API_KEY, TEMPORAL_TLS_*,
 * TEMPORAL_PROFILE and the file of profiles.
 *
 * @throws AegrailError CONFIG_INVALID when that file, or the profile named, is wrong
 */
export function serverSettings(choice: ServerChoice, env: Env): ServerSettings {
  const { connectionOptions, namespace } = loaded(choice.profile, env);
  const { plugins: _, ...connection } = connectionOptions;
  const address = choice.address ?? connection.address ?? DEFAULT_ADDRESS;
  return { address, namespace: choice.namespace ?? namespace ?? 'default', connection: { ...connection, address } };
}

function loaded(profile: string | undefined, env: Env): ReturnType<typeof loadClientConnectConfig> {
  try {
    // An empty variable is one that is not set.
    const overrideEnvVars = Object.fromEntries(Object.entries(env).filter(([, value]) => value)) as Record<
      string,
      string
    >;
    return loadClientConnectConfig({ overrideEnvVars, ...(profile === undefined ? {} : { profile }) });
  } catch (thrown) {
    throw new AegrailError('CONFIG_INVALID', `Temporal's client settings: ${messageOf(thrown)}`, { cause: thrown });
  }
}
