import type { AuditRecord } from '../../src/core/record.ts';
import { sampleSession } from '../suites/sample-session.ts';

export const ORIGIN = 'example.com/log';

/** The first records of a long sample session that has no end. */
export function longSession(id: string, records: number): readonly AuditRecord[] {
  return sampleSession(id, records, false).slice(0, records);
}
