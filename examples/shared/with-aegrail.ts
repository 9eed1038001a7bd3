import process from 'node:process';
import { AegrailError } from '../../src/core/errors.ts';
import { DevServerError } from '../../src/devserver/errors.ts';
import type { Script } from '../../src/model-endpoint/index.ts';
import { Interrupted, interruptSignal, unless } from './interrupt.ts';
import { type ExampleModel, providersModel, scriptedModel } from './model.ts';
import { field } from './print.ts';
import { quietTemporal } from './quiet.ts';
import { openStage, type Stage } from './stage.ts';

/** What an example runs with. */
export interface ExampleOptions {
  /** Folder of its contract file: `import.meta.dirname`. */
  readonly dir: string;
  /** What the model does when no real one is used. */
  readonly script: Script;
  /** The variable whose key makes the example use the real provider. */
  readonly keyVariable?: 'OPENAI_API_KEY' | 'ANTHROPIC_API_KEY';
}

/** What an example is handed. `model` says whether a scripted endpoint is behind it. */
export interface Example extends Stage {
  readonly model: ExampleModel;
}

/**
 * Starts a Temporal server (or uses the one that TEMPORAL_ADDRESS names) and a worker for the contract file of `dir`, runs `use`, and
 * lets go of everything. Sets the exit code.
 */
export function withAegrail(
  { dir, script, keyVariable }: ExampleOptions,
  use: (example: Example) => Promise<void>,
): Promise<void> {
  return ending(async (signal, cleanup) => {
    const model = await modelOf(script, keyVariable);
    field('model', model.said);
    const stage = await openStage({ dir, model, useExistingServer: true, signal }, cleanup);
    await unless(signal, use({ ...stage, model }));
  });
}

/** Runs a program's main part: whatever its end, `cleanup` is done, and the exit code says how it was. */
export async function ending(
  main: (signal: AbortSignal, cleanup: AsyncDisposableStack) => Promise<void>,
): Promise<void> {
  quietTemporal();
  const cleanup = new AsyncDisposableStack();
  try {
    await main(interruptSignal(), cleanup);
  } catch (thrown) {
    process.exitCode = thrown instanceof Interrupted ? thrown.exitCode : 1;
    const isTold = thrown instanceof Interrupted || thrown instanceof AegrailError || thrown instanceof DevServerError;
    process.stderr.write(`\n${isTold ? thrown.message : String((thrown as Error | null)?.stack ?? thrown)}\n`);
  } finally {
    await cleanup.disposeAsync();
  }
  // A Temporal runtime that no worker came to use would keep the process alive, after a contract file with a mistake for example.
  process.exit();
}

function modelOf(script: Script, keyVariable: ExampleOptions['keyVariable']): ExampleModel | Promise<ExampleModel> {
  if (keyVariable === undefined) return scriptedModel(script, 'This example needs no key.');
  if (process.env[keyVariable])
    return providersModel(`the real one of the contract file, since ${keyVariable} is set: this costs a little.`);
  return scriptedModel(script, `${keyVariable} is not set.`);
}
