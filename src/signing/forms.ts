/** SHA-256 in lower-case hex. */
export const HEX64 = /^[0-9a-f]{64}$/;

/** Whether a text is a time as records have it: UTC, to the millisecond, and a day that there is. */
export function isTime(text: unknown): text is string {
  if (typeof text !== 'string' || !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(text)) return false;
  const ms = Date.parse(text);
  return Number.isFinite(ms) && new Date(ms).toISOString() === text;
}
