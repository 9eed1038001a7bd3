import type { Ask, Run } from './postgres-ask.ts';
import type { PostgresStatements } from './postgres-sql.ts';
import { fromText, toText } from './postgres-text.ts';
import { switchChange } from './switch-rows.ts';
import type { SwitchStore } from './switch-store.ts';

/** The kill switches in a PostgreSQL store. */
export function postgresSwitches(ask: Ask, run: Run, sql: PostgresStatements): SwitchStore {
  return {
    turn: ({ agent, isOn, by, reason, at }) =>
      run(async () => {
        const values = [toText(agent ?? ''), isOn, toText(by), reason === null ? null : toText(reason), toText(at)];
        await ask(sql.turnSwitch, values);
      }),
    on: () => run(async () => (await ask(sql.switchesOn, [])).rows.map((row) => switchChange(row, fromText))),
    changes: (limit) =>
      run(async () => {
        const { rows } = await ask(sql.switchChanges, [Math.max(0, limit)]);
        return rows.map((row) => switchChange(row, fromText));
      }),
  };
}
