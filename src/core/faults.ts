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
  | 'wrong_run'
  | 'event_went_back'
  | 'wrong_deadline'
  | 'no_reservation'
  | 'other_call'
  | 'over_reserved'
  | 'still_pending'
  | 'over_granted'
  | 'wrong_budget'
  | 'bad_signature'
  | 'bad_entry_signature'
  | 'bad_key_statement'
  | 'unknown_key'
  | 'expired_key'
  | 'revoked_key'
  | 'no_manifest'
  | 'bad_manifest'
  | 'missing_file'
  | 'extra_file'
  | 'not_a_file'
  | 'file_mismatch'
  | 'wrong_total'
  | 'bad_entry'
  | 'bad_head'
  | 'entries_missing'
  | 'uncovered_entry'
  | 'bad_checkpoint'
  | 'checkpoint_missing'
  | 'previous_mismatch'
  | 'wrong_root'
  | 'forked'
  | 'rolled_back'
  | 'head_mismatch'
  | 'tail_missing'
  | 'session_missing'
  | 'wrong_keys'
  | 'no_cosignature'
  | 'bad_cosignature'
  | 'bad_contract'
  | 'other_contract'
  | 'wrong_reservation'
  | 'wrong_cost'
  | 'wrong_tokens'
  | 'wrong_blind_post'
  | 'wrong_delegation'
  | 'history_differs'
  | 'history_unreadable';

/** What is wrong with a line: the name for programs, and a sentence for people. */
export interface Fault {
  readonly fault: FaultName;
  readonly why: string;
}

/** Makes a {@link Fault}. `why` may name what a line should be, and never quotes more of it than a number. */
export function faultOf(fault: FaultName, why: string): Fault {
  return { fault, why };
}
