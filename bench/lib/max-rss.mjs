// @ts-check
/*
 * Loaded into a process with --import: at its end it writes the most memory that it had, in bytes, into the file that
 * AEGRAIL_BENCH_RSS names.
 */
import { writeFileSync } from 'node:fs';

process.on('exit', () => {
  const file = process.env['AEGRAIL_BENCH_RSS'];
  // Node gives kilobytes, on every platform.
  if (file !== undefined) writeFileSync(file, String(process.resourceUsage().maxRSS * 1024));
});
