/*
 * Importing this file makes `import { defineTool } from 'aegrail'` in an example's tools.ts mean the package in this checkout. Where
 * aegrail is installed from npm, nothing of the kind is needed.
 */
import { registerHooks } from 'node:module';

const source = new URL('../../src/index.ts', import.meta.url).href;

registerHooks({
  resolve: (specifier, context, next) => next(specifier === 'aegrail' ? source : specifier, context),
});
