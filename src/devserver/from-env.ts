import { access, constants, stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { DevServerError } from './errors.ts';
import type { RungContext, RungEnd } from './rung.ts';

/**
 * The binary that an environment variable names.
 * @throws DevServerError `binary_unusable`: who names a file wants that file, so a wrong one is never passed over in silence.
 */
export async function fromEnv({ env, pin }: RungContext): Promise<RungEnd> {
  const value = env[pin.envName];
  if (value === undefined || value === '') return { why: 'not set' };
  const path = resolve(value);
  if (await isRunnable(path)) return { path };
  throw new DevServerError(
    'binary_unusable',
    `${pin.envName} is ${JSON.stringify(value)}, which is not a file that can be executed: give the full path of the ${pin.title}, or unset the variable`,
  );
}

/** True for a file (or a link to one) that this user may execute. */
export async function isRunnable(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}
