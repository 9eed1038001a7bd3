/*
 * A program: node sdk-download.ts NAME VERSION DIRECTORY
 * Makes the Temporal SDK download one of its servers into DIRECTORY. The SDK can't download without starting, so the server
 * is started on free ports and stopped at once.
 */
import { TestWorkflowEnvironment } from '@temporalio/testing';
import { reasonOf } from './errors.ts';

const [name, version, downloadDir] = process.argv.slice(2);
if (name === undefined || version === undefined || downloadDir === undefined) {
  throw new Error('usage: sdk-download NAME VERSION DIRECTORY');
}
const server = { executable: { type: 'cached-download', version, downloadDir } } as const;
try {
  const started =
    name === 'temporal'
      ? TestWorkflowEnvironment.createLocal({ server })
      : TestWorkflowEnvironment.createTimeSkipping({ server });
  await (await started).teardown();
} catch (error) {
  process.stderr.write(`${reasonOf(error)}\n`);
  process.exitCode = 1;
}
