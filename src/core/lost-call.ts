import type { AuditRecord, EventName, Events } from './record.ts';

/** A record that admits a call. */
export type Admission = Extract<AuditRecord, { event: 'llm_admitted' | 'tool_admitted' }>;

/** An event with its payload, to be made a record of. */
export type Happened = { [E in EventName]: { readonly event: E; readonly payload: Events[E] } }[EventName];

/**
 * The end of a call that was in flight when its run was: nobody can say whether it took effect, so it is posted at its
 * reserved worst case.
 *
 * @param code why its end is not known, as records have it: `SESSION_RESET`, `SESSION_LOST`
 */
export function lostCall(admission: Admission, nowMs: number, code: string): Happened {
  const facts = {
    reservation: admission.seq,
    outcome: 'unknown' as const,
    posted: admission.payload.reserved,
    elapsed_ms: Math.max(0, nowMs - Date.parse(admission.ts)),
    error: { code },
  };
  if (admission.event === 'llm_admitted') {
    const { model } = admission.payload;
    return { event: 'llm_call', payload: { ...facts, model, usage: null, usage_state: 'none' } };
  }
  const { tool, call_id, agent } = admission.payload;
  const of = agent ? { agent: { session_id: agent.session_id, outcome: 'unknown' as const } } : {};
  return { event: 'tool_call', payload: { ...facts, tool, call_id, ok: false, ...of } };
}
