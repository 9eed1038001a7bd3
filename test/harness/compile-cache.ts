import { join } from 'node:path';
import { cacheDirOf } from '../../src/devserver/cache.ts';

/** For the environment of a process that a test starts: what was compiled, and stripped of types, is kept, as `aegrail` itself keeps it. */
export const COMPILE_CACHE = {
  NODE_COMPILE_CACHE: join(cacheDirOf(process.env, process.platform), 'compiled'),
};
