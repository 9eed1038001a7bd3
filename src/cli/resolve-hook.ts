import { registerHooks } from 'node:module';
import { extname } from 'node:path';

/**
 * Lets a user's tools.ts or aegrail.config.ts, wherever it is, import `aegrail` and `zod`. `aegrail` is the very package
 * that runs, so that there is one copy of it: the sources in a checkout, dist when installed. `zod` is the user's own, and
 * ours when there is none.
 *
 * @returns takes the hook away again
 */
export function registerResolveHook(): () => void {
  const self = new URL(`../index${extname(import.meta.url)}`, import.meta.url).href;
  const hooks = registerHooks({
    resolve(specifier, context, nextResolve) {
      if (specifier === 'aegrail') return { url: self, shortCircuit: true };
      if (specifier !== 'zod' && !specifier.startsWith('zod/')) return nextResolve(specifier, context);
      try {
        return nextResolve(specifier, context);
      } catch (thrown) {
        if ((thrown as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw thrown;
        return nextResolve(specifier, { ...context, parentURL: import.meta.url });
      }
    },
  });
  return () => hooks.deregister();
}
