import type { SqliteStatements } from './sqlite-sql.ts';
import { switchChange } from './switch-rows.ts';
import type { SwitchStore } from './switch-store.ts';

/** The kill switches in a SQLite store. @param run runs a query, and says which store it is when it fails */
export function sqliteSwitches(sql: SqliteStatements, run: <T>(query: () => T) => Promise<T>): SwitchStore {
  const same = (text: string): string => text;
  return {
    turn: ({ agent, isOn, by, reason, at }) =>
      run(() => void sql.turnSwitch.run(agent ?? '', isOn ? 1 : 0, by, reason, at)),
    on: () => run(() => sql.switchesOn.all().map((row) => switchChange(row, same))),
    changes: (limit) => run(() => sql.switchChanges.all(Math.max(0, limit)).map((row) => switchChange(row, same))),
  };
}
