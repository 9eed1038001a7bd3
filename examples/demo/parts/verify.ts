import { open, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import pc from 'picocolors';
import { ledgerCheck } from '../../../src/audit/ledger-check.ts';
import { readLines } from '../../../src/audit/lines.ts';
import { verifyLog, type Verification } from '../../../src/audit/verify.ts';
import { lineOf } from '../../../src/core/chain.ts';
import { field } from '../../shared/print.ts';
import { heading, line, type PartInput, type Shortcoming } from '../part.ts';

/** Exports the log of a session, verifies it, and verifies a copy in which one byte was changed. */
export async function verifyPart({ stage }: PartInput, sessionId: string, logFile: string): Promise<Shortcoming> {
  heading(
    4,
    'The log can not be changed unnoticed',
    'The log of the session of part 2: every line holds the SHA-256 of the line before it. Now somebody makes one model call look cheaper, in a copy, by one byte.',
  );
  const lines = (await stage.log(sessionId)).map((record) => lineOf(record));
  const text = lines.map((one) => `${one}\n`).join('');
  await writeFile(logFile, text);
  field('log', logFile);
  const good = await verified(logFile, sessionId);
  told(good);
  const forgery = forge(text);
  if (!forgery) return 'the log has no model call to change';
  const copy = join(stage.stateDir, 'forged.jsonl');
  await writeFile(copy, text);
  const file = await open(copy, 'r+');
  await file.write('1', forgery.offset);
  await file.close();
  field(
    'forged',
    `${basename(copy)}: byte ${forgery.offset} was "${forgery.was}" and is "1", on line ${forgery.line}: …${forgery.near}…`,
  );
  const bad = await verified(copy, sessionId);
  told(bad);
  if (!good.ok) return 'the untouched log did not verify';
  if (bad.ok) return 'the forged log verified';
  return bad.line === forgery.line ? null : `line ${forgery.line} was changed, and line ${bad.line} was named`;
}

async function verified(file: string, sessionId: string): Promise<Verification> {
  return verifyLog(readLines(file), { expectSession: sessionId, checkRecord: ledgerCheck });
}

function told(verification: Verification): void {
  if (verification.ok)
    line(pc.green('✔'), `verifies: ${verification.records} records, the chain, the forms, and the ledger recomputed`);
  else line(pc.red('✘'), `does not verify: ${pc.bold(`line ${verification.line}`)}, ${verification.why}`);
}

/** The first digit of what the middle model call cost. */
function forge(text: string): { line: number; offset: number; was: string; near: string } | null {
  const costs = [...text.matchAll(/"event":"llm_call"[^\n]*?"usd_nano":([2-9])/g)];
  const cost = costs[Math.floor(costs.length / 2)];
  if (!cost) return null;
  const end = cost.index + cost[0].length;
  return {
    line: text.slice(0, end).split('\n').length,
    offset: Buffer.byteLength(text.slice(0, end - 1)),
    was: cost[1] ?? '',
    near: text.slice(end - 12, end + 8).split('}')[0] ?? '',
  };
}
