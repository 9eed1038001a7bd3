import type { Predicates } from '../src/core/policy.ts';

/**
 * The predicates of the contract file's `predicates` module. A worker's bundler puts that module in this one's place;
 * without one there are none.
 */
export const predicates: Predicates = {};
