import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import pc from 'picocolors';
import { regenerateLog } from '../../../src/audit/regenerate.ts';
import { fetchHistories } from '../../../src/temporal/histories.ts';
import { unless } from '../../shared/interrupt.ts';
import { field } from '../../shared/print.ts';
import { withProgress } from '../../shared/progress.ts';
import { heading, line, type PartInput, type Shortcoming } from '../part.ts';

/** Makes the log again from Temporal's history alone, and compares. */
export async function regeneratePart(
  { stage, signal }: PartInput,
  sessionId: string,
  logFile: string,
): Promise<Shortcoming> {
  heading(
    5,
    'The log follows from the workflow history',
    "Temporal has its own history of the session. aegrail replays the workflow's code over it and makes the log again: it must be the stored one, byte for byte.",
  );
  const histories = await fetchHistories(stage.client, sessionId);
  const replay = regenerateLog(stage.bundle, histories, sessionId);
  const lines = await unless(signal, withProgress('replaying', replay));
  const regenerated = Buffer.from(lines.map((one) => `${one}\n`).join(''));
  const stored = await readFile(logFile);
  field('store', sha256(stored));
  field('history', sha256(regenerated));
  const same = stored.equals(regenerated);
  line(
    same ? pc.green('✔') : pc.red('✘'),
    same
      ? `the same ${stored.length} bytes, from the ${histories[0]?.events?.length ?? 0} events of the history`
      : 'not the same',
  );
  return same ? null : 'the log that history gives is another than the stored one';
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}
