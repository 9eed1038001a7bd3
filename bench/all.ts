import { accountsBench } from './accounts.ts';
import { guardBench } from './guard.ts';
import { historyBench } from './history.ts';
import { runBenches } from './lib/run.ts';
import { toolCallBenches } from './tool-call.ts';
import { writeAheadBench } from './write-ahead.ts';

await runBenches([...toolCallBenches, writeAheadBench, accountsBench, historyBench, guardBench], process.argv.slice(2));
