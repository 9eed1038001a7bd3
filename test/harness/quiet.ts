import { DefaultLogger, Runtime } from '@temporalio/worker';

/** Keeps the SDK's own words out of the tests' output, but for errors. Once a process, before anything of the SDK's runs. */
export function quietRuntime(): void {
  try {
    Runtime.install({ logger: new DefaultLogger('ERROR') });
  } catch {
    // It runs already: then it is as quiet as whoever started it made it.
  }
}
