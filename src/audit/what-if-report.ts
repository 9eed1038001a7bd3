/** What a session came to: as it was, or as it would have been. */
export interface Ending {
  /**
   * `answered`, `killed`, `cancelled` and `failed` are the session's own. `terminated`: it was ended from outside.
   * `not_ended`: the log has no end. `not_opened`: it would not have begun. `unknown`: it would have gone on where its log
   * ends.
   */
  readonly outcome:
    | 'answered'
    | 'killed'
    | 'cancelled'
    | 'failed'
    | 'terminated'
    | 'not_ended'
    | 'not_opened'
    | 'unknown';
  /** The limit that killed it, the code of its failure, or how it was ended from outside. */
  readonly reason: string | null;
  /** The record of the log at which it was killed, or from which on nothing is known; null otherwise. */
  readonly seq: number | null;
  /** What was posted: nano-USD, tokens, tool calls. */
  readonly usdNano: number;
  readonly tokens: number;
  readonly toolCalls: number;
}

/** What became of one call. */
export interface Fate {
  /**
   * `ran`; `denied`, and the model was told; `killed`: a limit refused it, and ended the session. As it was also `not_tried`:
   * asked for, when the session was over already. As it would have been also `cut`: the model's answer would have been cut
   * off; `cancelled`: stopped at the deadline; `not_happened`: the session would have been over.
   */
  readonly what: 'ran' | 'denied' | 'killed' | 'not_tried' | 'cut' | 'cancelled' | 'not_happened';
  /** Of a refusal: its name in the table of refusals. */
  readonly reason: string | null;
  /** What it cost, in nano-USD. Null for tools, and for what never ran. */
  readonly usdNano: number | null;
}

/** One call that would have gone another way. */
export interface Difference {
  /** The record of the log that it is about; for a call that was never tried, the one that ended the session. */
  readonly seq: number;
  readonly ts: string;
  readonly kind: 'model' | 'tool';
  /** `provider/model`, or the tool. */
  readonly name: string;
  /** The model's id of a tool call. */
  readonly callId: string | null;
  readonly was: Fate;
  readonly wouldBe: Fate;
  readonly why: string;
}

/** What other rules would have made of a session. */
export interface WhatIf {
  readonly was: Ending;
  readonly wouldBe: Ending;
  /** In the order of the log. */
  readonly differences: readonly Difference[];
  /** What could not be known, and was taken as it was. */
  readonly notes: readonly string[];
}
