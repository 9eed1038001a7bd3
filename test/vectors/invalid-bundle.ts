import type { FaultName } from '../../src/core/faults.ts';
import { filesOf, type Files, type Parts } from './bundle-parts.ts';
import { type Brought, TRUSTING } from './valid-bundles.ts';

/** A bundle that must be refused, and for what. */
export interface InvalidBundle extends Brought {
  readonly name: string;
  readonly base: string;
  readonly files: Files;
  /** All that is wrong with it: a fault may bring others along. */
  readonly faults: readonly FaultName[];
}

type Told = readonly (FaultName | Partial<Brought>)[];

/** One that is the log of one session, but for what is wrong. @param told its faults, and what its auditor brings along */
export function of(name: string, files: Files, ...told: Told): InvalidBundle {
  return invalid(name, 'bundles/valid/one-session', files, told);
}

/** One of several sessions. */
export function several(name: string, parts: Parts, ...told: Told): InvalidBundle {
  return invalid(name, 'bundles/valid/several', filesOf(parts), told);
}

/** One of sessions that work for each other. */
export function ofFamily(name: string, parts: Parts, ...told: Told): InvalidBundle {
  return invalid(name, 'bundles/valid/family', filesOf(parts), told);
}

function invalid(name: string, base: string, files: Files, told: Told): InvalidBundle {
  const faults = told.filter((item) => typeof item === 'string');
  const brought = Object.assign({}, ...told.filter((item) => typeof item === 'object')) as Partial<Brought>;
  return { name: `bundles/invalid/${name}`, base, files, faults, ...TRUSTING, ...brought };
}
