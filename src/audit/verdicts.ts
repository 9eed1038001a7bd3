import type { FaultName } from '../core/faults.ts';

/** What is asked of a log, one by one: a fault in one says nothing about the others. */
export const VERDICT_NAMES = ['integrity', 'completeness', 'authenticity', 'ledger', 'history'] as const;

/** One of {@link VERDICT_NAMES}. */
export type VerdictName = (typeof VERDICT_NAMES)[number];

/** Something that is wrong, and where. */
export interface Finding {
  readonly fault: FaultName;
  /** A sentence for people. */
  readonly why: string;
  /** A bundle's file, where it is a bundle. */
  readonly file?: string;
  /** The file is not the bundle's: it was given with --checkpoint. */
  readonly outside?: true;
  /** From 1. */
  readonly line?: number;
  readonly session_id?: string;
}

/** What was found about one question. */
export interface Verdict {
  /** `good`: all that there is was checked, and is right. `unchecked`: something could not be, and what could is right. */
  readonly status: 'good' | 'bad' | 'unchecked';
  /** What was looked at, and what it came to, in words. */
  readonly evidence: readonly string[];
  /** The first findings, in the order in which they were met. */
  readonly findings: readonly Finding[];
  /** How many more there are. */
  readonly further: number;
  /** What could not be checked, and what for. */
  readonly unchecked: readonly string[];
}

/** All of them. */
export type Verdicts = { readonly [Name in VerdictName]: Verdict };

/** Gathers what a verifier finds. */
export interface Findings {
  /** Something was looked at, and is as it says. */
  evidence(verdict: VerdictName, text: string): void;
  /** Something could not be checked. */
  unchecked(verdict: VerdictName, text: string): void;
  /** Something is wrong: to which verdict it belongs its name says. */
  found(finding: Finding): void;
  verdicts(): Verdicts;
}

/** So many findings of a verdict are kept, and so many lines of what was not checked. The rest is counted. */
const MOST_KEPT = 10;

/** Nothing found yet. */
export function createFindings(): Findings {
  const gathered = {
    integrity: nothing(),
    completeness: nothing(),
    authenticity: nothing(),
    ledger: nothing(),
    history: nothing(),
  } satisfies Record<VerdictName, Gathered>;
  return {
    evidence: (verdict, text) => void gathered[verdict].evidence.push(text),
    unchecked: (verdict, text) => void gathered[verdict].unchecked.push(text),
    found(finding) {
      const verdict = gathered[VERDICT_OF[finding.fault]];
      verdict.count += 1;
      if (verdict.findings.length < MOST_KEPT) verdict.findings.push(finding);
    },
    verdicts: () => ({
      integrity: verdictOf(gathered.integrity),
      completeness: verdictOf(gathered.completeness),
      authenticity: verdictOf(gathered.authenticity),
      ledger: verdictOf(gathered.ledger),
      history: verdictOf(gathered.history),
    }),
  };
}

/** Some names in a sentence: the first ones, and how many more there are. */
export function someOf(names: readonly string[]): string {
  const shown = names.slice(0, 3).join(', ');
  return names.length > 3 ? `${shown} and ${names.length - 3} more` : shown;
}

/** `1 record`, `2 records`. */
export function counted(number: number, what: string): string {
  return `${number} ${number === 1 ? what : what.endsWith('y') ? `${what.slice(0, -1)}ies` : `${what}s`}`;
}

interface Gathered {
  readonly evidence: string[];
  readonly unchecked: string[];
  readonly findings: Finding[];
  count: number;
}

function nothing(): Gathered {
  return { evidence: [], unchecked: [], findings: [], count: 0 };
}

function verdictOf({ evidence, unchecked, findings, count }: Gathered): Verdict {
  const status = count > 0 ? 'bad' : unchecked.length > 0 ? 'unchecked' : 'good';
  return { status, evidence, findings, further: count - findings.length, unchecked };
}

/** Which question each fault answers with no. */
export const VERDICT_OF: Readonly<Record<FaultName, VerdictName>> = {
  no_records: 'completeness',
  too_long: 'integrity',
  no_newline: 'completeness',
  not_utf8: 'integrity',
  empty_line: 'integrity',
  crlf: 'integrity',
  not_json: 'integrity',
  no_hash: 'integrity',
  hash_mismatch: 'integrity',
  not_canonical: 'integrity',
  bad_link: 'integrity',
  other_session: 'integrity',
  gap: 'completeness',
  repeated: 'integrity',
  prev_hash_mismatch: 'integrity',
  bad_form: 'integrity',
  no_start: 'completeness',
  second_start: 'integrity',
  after_end: 'integrity',
  wrong_count: 'completeness',
  wrong_workflow: 'integrity',
  other_identity: 'integrity',
  time_went_back: 'integrity',
  wrong_run: 'integrity',
  event_went_back: 'integrity',
  wrong_deadline: 'ledger',
  no_reservation: 'ledger',
  other_call: 'ledger',
  over_reserved: 'ledger',
  still_pending: 'ledger',
  over_granted: 'ledger',
  wrong_budget: 'ledger',
  bad_signature: 'authenticity',
  bad_entry_signature: 'authenticity',
  bad_key_statement: 'authenticity',
  unknown_key: 'authenticity',
  expired_key: 'authenticity',
  revoked_key: 'authenticity',
  no_manifest: 'integrity',
  bad_manifest: 'integrity',
  missing_file: 'integrity',
  extra_file: 'integrity',
  not_a_file: 'integrity',
  file_mismatch: 'integrity',
  wrong_total: 'integrity',
  bad_entry: 'integrity',
  bad_head: 'integrity',
  entries_missing: 'completeness',
  uncovered_entry: 'integrity',
  bad_checkpoint: 'integrity',
  checkpoint_missing: 'completeness',
  previous_mismatch: 'integrity',
  wrong_root: 'integrity',
  forked: 'integrity',
  rolled_back: 'completeness',
  head_mismatch: 'integrity',
  tail_missing: 'completeness',
  session_missing: 'completeness',
  wrong_keys: 'authenticity',
  no_cosignature: 'authenticity',
  bad_cosignature: 'authenticity',
  bad_contract: 'integrity',
  other_contract: 'ledger',
  wrong_reservation: 'ledger',
  wrong_cost: 'ledger',
  wrong_tokens: 'ledger',
  wrong_blind_post: 'ledger',
  wrong_delegation: 'ledger',
  history_differs: 'history',
  history_unreadable: 'history',
};
