import type { Row } from './session-rows.ts';
import type { SwitchChange } from './switch-store.ts';

/** What {@link switchChange} needs of a row. `agent` is empty for all agents: no agent's name is. */
export const SWITCH_COLUMNS = 'agent, is_on, by_whom, reason, at';

/** A change from its row. */
export function switchChange(row: Row, fromText: (text: string) => string): SwitchChange {
  const text = (column: string): string => fromText(String(row[column]));
  return {
    agent: text('agent') || null,
    // SQLite has no booleans.
    isOn: Number(row['is_on']) === 1,
    by: text('by_whom'),
    reason: row['reason'] === null ? null : text('reason'),
    at: text('at'),
  };
}
