/** The events that end a session: after one of them nothing may follow but a reset. */
export const LAST_EVENTS = ['session_ended', 'session_terminated'] as const;

/** Whether an event ends its session. Null: there is none. */
export function endsSession(event: string | null): boolean {
  return LAST_EVENTS.some((last) => last === event);
}
