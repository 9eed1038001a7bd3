/*
 * The demo: node src/setup/run.mjs --binaries examples/demo/main.ts [--exit]
 *
 * Shows in five parts what aegrail is for, on a real Temporal server, and checks itself: it ends with 0 when all five showed
 * what they should. On a terminal it stays up until Ctrl-C, so that one can look at the sessions in Temporal's Web UI.
 */
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import pc from 'picocolors';
import type { Session } from '../../src/client.ts';
import { unless } from '../shared/interrupt.ts';
import { scriptedModel } from '../shared/model.ts';
import { field, say, wrap } from '../shared/print.ts';
import { openStage, type Stage } from '../shared/stage.ts';
import { ending } from '../shared/with-aegrail.ts';
import type { PartInput, Shortcoming } from './part.ts';
import { answerPart } from './parts/answer.ts';
import { budgetPart } from './parts/budget.ts';
import { refusalsPart } from './parts/refusals.ts';
import { regeneratePart } from './parts/regenerate.ts';
import { verifyPart } from './parts/verify.ts';
import { realModel } from './real-model.ts';
import { demoScript } from './script.ts';

const NO_KEY = 'No OPENAI_API_KEY, ANTHROPIC_API_KEY or OPENAI_BASE_URL is set, so nothing costs anything.';
/** Longest that the end waits for sessions in flight. */
const CANCEL_WAIT_MS = 3_000;

await ending(async (signal, cleanup) => {
  say(pc.bold('aegrail: what the runtime does for an agent, in five parts'));
  say();
  const model = (await realModel(process.env)) ?? (await scriptedModel(demoScript, NO_KEY));
  field('model', model.said);
  const stage = await openStage({ dir: import.meta.dirname, model, useExistingServer: false, signal }, cleanup);
  field('Temporal', `${stage.address}, a real server of its own. Web UI: ${stage.uiUrl ?? ''}`);
  field('contract', 'examples/demo/aegrail.yaml: read it beside this');
  field('state', `${stage.stateDir}, removed at the end`);

  const started: Session[] = [];
  cleanup.defer(() => cancelled(started));
  const input: PartInput = { stage, model, signal, onSession: (session) => void started.push(session) };
  const logFile = join(stage.stateDir, 'demo-2-budget.jsonl');
  const ends: Shortcoming[] = [
    await answerPart(input),
    await budgetPart(input),
    await refusalsPart(input),
    await verifyPart(input, 'demo-2-budget', logFile),
    await regeneratePart(input, 'demo-2-budget', logFile),
  ];
  summary(ends);
  look(stage);
  if (!process.stdout.isTTY || process.argv.includes('--exit')) return;
  say(`\n   ${pc.bold('Everything stays up so that you can look. Ctrl-C ends it and cleans up.')}`);
  await stayUp(signal);
});

/** Stops what is in flight, while there is a worker to do it. A session that is over does not mind. */
async function cancelled(sessions: readonly Session[]): Promise<void> {
  const ends = sessions.map(async (session) => {
    await session.cancel('the demo ends');
    await session.result();
  });
  await Promise.race([Promise.allSettled(ends), delay(CANCEL_WAIT_MS)]);
}

function summary(ends: readonly Shortcoming[]): void {
  say();
  const failed = ends.flatMap((why, index) =>
    why === null ? [] : [`Part ${index + 1} did not show what it should: ${why}.`],
  );
  for (const why of failed) say(pc.red(wrap(why, '   ')));
  if (failed.length === 0) say(`   ${pc.green(pc.bold('All five parts showed what they should.'))}`);
  else process.exitCode = 1;
}

function look({ uiUrl }: Stage): void {
  say();
  say(pc.bold("Look at it in Temporal's Web UI"));
  say(`   ${uiUrl ?? ''}/namespaces/default/workflows`);
  say(
    wrap(
      'Click demo-2-budget. Its timeline names every call of the model and of a tool; the User Metadata tab shows the ledger. The last line of the history is the answer of the session: killed, usd, and what was spent.',
      '   ',
    ),
  );
}

/** Waits for Ctrl-C, which is here the way to end well. */
async function stayUp(signal: AbortSignal): Promise<void> {
  const alive = setInterval(() => {}, 60_000);
  await unless(signal, new Promise<never>(() => {})).catch(() => {});
  clearInterval(alive);
  say('\n   cleaning up');
}
