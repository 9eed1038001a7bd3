import { guardBench } from './guard.ts';
import { historyBench } from './history.ts';
import { runBenches } from './lib/run.ts';
import { toolCallBenches } from './tool-call.ts';

await runBenches([...toolCallBenches, historyBench, guardBench], process.argv.slice(2));
