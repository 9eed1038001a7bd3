import type { LoadedConfig } from '../config/load.ts';
import { AegrailError } from '../core/errors.ts';
import { createNotary } from '../notary/notary.ts';
import type { VerifierKey } from '../signing/key.ts';
import { openKeyring } from '../signing/keyring.ts';
import { keyToRevoke, revocation } from '../signing/keyring-write.ts';
import { openStore } from '../store/open.ts';
import { historyOf } from './keys-in-store.ts';
import { stderrLogger } from './logger.ts';
import type { Terminal } from './terminal.ts';

/**
 * Revokes a key of a log whose signing key is in an environment variable: its statements are in the store alone.
 *
 * @throws AegrailError CONFIG_INVALID as the keyring's revocation does; AUDIT_UNAVAILABLE for a store that fails
 */
export async function revokeInStore(
  id: string,
  reason: string,
  { file, source }: LoadedConfig,
  terminal: Terminal,
): Promise<VerifierKey> {
  const { signing } = file;
  if (!signing) throw new AegrailError('CONFIG_INVALID', `${source.file} has no signing block`);
  const keyring = openKeyring(signing, source.baseDir, terminal.env);
  const store = await openStore(file.store, source.baseDir, terminal.env, (why) => terminal.say(why));
  try {
    const notary = createNotary({
      store,
      keyring,
      cadenceSeconds: signing.cadenceSeconds,
      witnesses: [],
      publish: () => undefined,
      logger: stderrLogger('warn'),
      now: () => Date.now(),
    });
    let revoked: VerifierKey | null = null;
    await notary.record(async (active) => {
      revoked = keyToRevoke(await historyOf(store.tree), id);
      return revocation(revoked, reason, new Date().toISOString(), active);
    });
    if (!revoked) throw new AegrailError('AUDIT_UNAVAILABLE', 'the log took no statement');
    return revoked;
  } finally {
    await store.close();
  }
}
