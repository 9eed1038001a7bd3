import type { LoadedConfig } from '../config/load.ts';
import { AegrailError } from '../core/errors.ts';
import { openKeyring } from '../signing/keyring.ts';
import type { Store } from '../store/store.ts';
import { createNotary, type Notary, type NotaryLogger } from './notary.ts';

/** What a notary of a contract file works with. */
export interface Surroundings {
  readonly store: Store;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Given each checkpoint that it stored. */
  readonly publish: (note: string) => void;
  readonly logger: NotaryLogger;
}

/**
 * The notary that a contract file asks for.
 *
 * @throws AegrailError CONFIG_INVALID without a `signing` block, which the message shows, and for a keyring that is wrong
 */
export function openNotary({ file, source }: LoadedConfig, { store, env, publish, logger }: Surroundings): Notary {
  const { signing } = file;
  if (!signing) {
    const why = `${source.file} has no signing block, so there is no key to sign with. Make one with "aegrail keys new", and add:`;
    throw new AegrailError('CONFIG_INVALID', `${why}\nsigning:\n  origin: example.com/aegrail\n  keys: ./keys`);
  }
  const { cadenceSeconds, witnesses } = signing;
  const keyring = openKeyring(signing, source.baseDir, env);
  return createNotary({ store, keyring, cadenceSeconds, witnesses, publish, logger, now: () => Date.now() });
}
