/**
 * What can be wrong with a log, by the names of docs/AUDIT.md. They are stable: programs go by them. `other_session` is
 * only found by who asked for one session.
 */
export type FaultName =
  | 'no_records'
  | 'too_long'
  | 'no_newline'
  | 'not_utf8'
  | 'empty_line'
  | 'crlf'
  | 'not_json'
  | 'no_hash'
  | 'hash_mismatch'
  | 'not_canonical'
  | 'bad_link'
  | 'other_session'
  | 'gap'
  | 'repeated'
  | 'prev_hash_mismatch'
  | 'bad_form'
  | 'no_start'
  | 'second_start'
  | 'after_end'
  | 'wrong_count'
  | 'wrong_workflow'
  | 'other_identity'
  | 'time_went_back'
  | 'wrong_deadline'
  | 'no_reservation'
  | 'other_call'
  | 'over_reserved'
  | 'still_pending'
  | 'over_granted'
  | 'wrong_budget';

/** What is wrong with a line: the name for programs, and a sentence for people. */
export interface Fault {
  readonly fault: FaultName;
  readonly why: string;
}

/** Makes a {@link Fault}. `why` may name what a line should be, and never quotes more of it than a number. */
export function faultOf(fault: FaultName, why: string): Fault {
  return { fault, why };
}
