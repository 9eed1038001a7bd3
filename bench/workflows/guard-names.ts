/** Update that runs one stage of a decision a number of times and answers with what each took, in microseconds. */
export const GUARD_MEASURE = 'measure';
/** Signal that ends the session. */
export const GUARD_FINISH = 'finish';

/**
 * What is measured: `policy` schema and rule, `ledger` whether it fits, `permit` canonical form and digest, `record` the
 * record with the reservation and the details page, `admission` all of these together, `settlement` the record of the end,
 * `denial` a refusal with its record.
 */
export const GUARD_STAGES = ['policy', 'ledger', 'permit', 'record', 'admission', 'settlement', 'denial'] as const;
export type GuardStage = (typeof GUARD_STAGES)[number];
