import type * as sqlite from 'node:sqlite';

/**
 * Loads node:sqlite. Node 22 prints that it is experimental (Node 24 does not any more): that one warning is held back,
 * while the module loads, and no other.
 */
export function loadSqlite(): typeof sqlite {
  // oxlint-disable-next-line typescript/unbound-method -- called with its `this` below, and put back as it was
  const { emitWarning } = process;
  process.emitWarning = (warning: string | Error, ...rest: []) => {
    if (!String(warning).includes('SQLite is an experimental feature')) emitWarning.call(process, warning, ...rest);
  };
  try {
    return process.getBuiltinModule('node:sqlite');
  } finally {
    process.emitWarning = emitWarning;
  }
}
