import { randomUUID } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { createOpenAI } from '@ai-sdk/openai';
import { AiSdkPlugin } from '@temporalio/ai-sdk';
import { Client, Connection } from '@temporalio/client';
import { Worker } from '@temporalio/worker';
import { type Script, startModelEndpoint } from '../src/model-endpoint/index.ts';
import { SESSION_WORKFLOW } from '../src/protocol.ts';
import { fetchHistories } from '../src/temporal/histories.ts';
import { TWO_KILOBYTES } from './contract/tools.ts';
import type { Finding } from './lib/finding.ts';
import type { Lab } from './lib/lab.ts';
import { type Bench, runBenches } from './lib/run.ts';
import { median } from './lib/statistics.ts';
import { type Growth, growthOf, type History } from './lib/growth.ts';

const TURNS = 1_000;
const QUEUE = 'bench-ai-sdk';

/** In each turn the model says two kilobytes and asks for a tool that answers with two more. After the last it is done. */
const script: Script = ({ index }) =>
  index < TURNS
    ? {
        say: `turn ${index} `.padEnd(TWO_KILOBYTES, 'dolor sit amet '),
        call: [{ tool: 'read_page', args: { page: index } }],
      }
    : { say: 'That was all.' };

/**
 * The history of one conversation of a thousand turns, as a session and through Temporal's integration of the AI SDK, on one
 * server. The integration sends the whole conversation as the argument of each model call, so that the server ends its workflow at 50 MB: the
 * totals are compared at the turn that it got to.
 */
async function measureAiSdk(lab: Lab, say: (line: string) => void): Promise<Finding[]> {
  const governed = await governedGrowth(lab, say);
  const bare = await aiSdkGrowth(lab, say);
  const turns = Math.min(governed.totals.length, bare.growth.totals.length);
  const at = (growth: Growth): number => growth.totals[turns - 1] ?? Number.NaN;
  const early = governed.perTurn.slice(1, 11);
  const late = governed.perTurn.slice(-10);
  const info = (name: string, value: number, unit: string): Finding => ({ name, value, unit, target: null });
  return [
    {
      name: `a session's last ten turns / turns 2 to 11, medians`,
      value: median(late) / median(early),
      unit: 'x',
      target: 1.1,
    },
    {
      name: `a session / the AI SDK, in total after ${turns} turns`,
      value: at(governed) / at(bare.growth),
      unit: 'x',
      target: 0.1,
    },
    info(`the AI SDK / a session, in total after ${turns} turns`, at(bare.growth) / at(governed), 'x'),
    info(`a session after ${turns} turns`, at(governed) / 1e6, 'MB'),
    info(`the AI SDK after ${turns} turns`, at(bare.growth) / 1e6, 'MB'),
    info(`a session after ${governed.totals.length} turns`, (governed.totals.at(-1) ?? Number.NaN) / 1e6, 'MB'),
    info('runs of the session', governed.runs, 'runs'),
    info('turns that the AI SDK made', bare.growth.totals.length, 'turns'),
    info('the AI SDK came to its end', bare.ended ? 1 : 0, 'of 1'),
  ];
}

async function governedGrowth(lab: Lab, say: (line: string) => void): Promise<Growth> {
  return lab.withGoverned({ script }, async (taskQueue) => {
    const workflowId = `bench-${randomUUID()}`;
    say(`a session of ${TURNS} turns`);
    await lab.client.workflow.execute(SESSION_WORKFLOW, {
      taskQueue,
      workflowId,
      args: [{ agent: 'bot', user: 'ann@acme.com', input: 'Read all pages.' }],
    });
    return growthOf(await fetchHistories(lab.client, workflowId), 'callModel');
  });
}

async function aiSdkGrowth(
  { address, client, connection }: Lab,
  say: (line: string) => void,
): Promise<{ readonly growth: Growth; readonly ended: boolean }> {
  const endpoint = await startModelEndpoint({ script });
  const openai = createOpenAI({ baseURL: endpoint.openaiBaseUrl, apiKey: 'bench' });
  const worker = await Worker.create({
    connection,
    taskQueue: QUEUE,
    workflowsPath: fileURLToPath(new URL('workflows/ai-sdk.ts', import.meta.url)),
    // The wire that the session's worker speaks.
    plugins: [new AiSdkPlugin({ modelProvider: { ...openai, languageModel: (id) => openai.chat(id) } })],
    activities: {
      readPage: ({ page }: { readonly page: number }) =>
        Promise.resolve(`page ${page} `.padEnd(TWO_KILOBYTES, 'lorem ipsum ')),
    },
  });
  const running = worker.run();
  const workflowId = `bench-${randomUUID()}`;
  say('the same through @temporalio/ai-sdk');
  try {
    const execution = client.workflow.execute('aiSdkTurns', { taskQueue: QUEUE, workflowId, args: [TURNS] });
    const ended = await execution.then(
      () => true,
      (thrown: unknown) => {
        const { cause } = thrown as { readonly cause?: unknown };
        say(`the AI SDK's workflow did not end by itself: ${String(cause ?? thrown)}`);
        return false;
      },
    );
    return { growth: growthOf([await longHistory(address, workflowId)], 'invokeModel'), ended };
  } finally {
    worker.shutdown();
    await running;
    await endpoint.stop();
  }
}

/** The history of a workflow whose events are so large that a page of them is above gRPC's usual limit of 4 MB. */
async function longHistory(address: string, workflowId: string): Promise<History> {
  const connection = await Connection.connect({ address, channelArgs: { 'grpc.max_receive_message_length': -1 } });
  const history = await new Client({ connection }).workflow.getHandle(workflowId).fetchHistory();
  await connection.close();
  return history;
}

export const aiSdkBench: Bench = { name: 'history beside the AI SDK', server: 'memory', measure: measureAiSdk };

if (import.meta.main) await runBenches([aiSdkBench], process.argv.slice(2));
