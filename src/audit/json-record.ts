/**
 * A stored record as data of unknown form: a store may hold records of a newer version, and an export for other tools
 * must not stop at them.
 */
export interface JsonRecord {
  readonly [member: string]: unknown;
  readonly session_id: string;
  readonly seq: number;
  readonly event: string;
  readonly ts?: string;
  readonly agent_identity?: string;
  readonly invoking_user?: string;
  readonly payload?: Readonly<Record<string, unknown>>;
  readonly budget?: Readonly<Record<string, unknown>>;
}

/** Reads a stored line. Stores give lines that are records: that is not checked again. */
export function jsonRecord(line: string): JsonRecord {
  return JSON.parse(line) as JsonRecord;
}
