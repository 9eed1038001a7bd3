import type { HeadEntry, LogEntry } from '../core/entry.ts';
import { createKeyHistory, type KeyHistory } from '../signing/key-history.ts';
import { BUNDLE_FILES } from './bundle-format.ts';
import { createCheckpointChain } from './checkpoint-chain.ts';
import { readNoteLine, type SignedCheckpoint } from './checkpoint-reading.ts';
import { createEntryReader, type EntryReader } from './entry-reader.ts';
import { createKeptCheck } from './kept-check.ts';
import type { KeptCheckpoint } from './kept-checkpoints.ts';
import { readableLines } from './line-reader.ts';
import type { Chunks } from './lines.ts';
import type { Findings } from './verdicts.ts';

/** A log of logs, as a bundle has it. */
export interface TreeInput {
  readonly origin: string;
  /** Whether the bundle's checkpoints may begin later than with number 0. */
  readonly mayBeginLater: boolean;
  readonly entries: Chunks;
  readonly checkpoints: Chunks;
  /** Checkpoints from elsewhere. */
  readonly kept: readonly KeptCheckpoint[];
  /** Told of each head, and its line. */
  readonly onHead: (head: HeadEntry, line: number) => void;
  /** Told of each checkpoint whose form is right. */
  readonly onCheckpoint: (signed: SignedCheckpoint) => void;
  /** Called now and then, with the number of entries so far. */
  readonly onProgress: (entries: number) => void;
}

/** What a log of logs was found to hold. */
export interface TreeFound {
  readonly entries: number;
  readonly checkpoints: number;
  /** Sessions whose texts were erased. */
  readonly erased: readonly string[];
  readonly keys: KeyHistory;
  readonly first: SignedCheckpoint | null;
  readonly last: SignedCheckpoint | null;
}

const PROGRESS_EVERY = 4096;

/**
 * Reads entries and checkpoints side by side, in constant memory: each entry's form and place among the keys, the root of
 * the tree at each checkpoint's size, who signed it, and that each checkpoint goes on where the one before it was.
 */
export async function checkTree(input: TreeInput, findings: Findings): Promise<TreeFound> {
  const keys = createKeyHistory();
  const chain = createCheckpointChain(input, findings);
  const kept = createKeptCheck(input.kept, input.origin, findings);
  const erased: string[] = [];
  const reader = createEntryReader(input.entries, findings, (entry, line) => {
    takeEntry(entry, line);
    kept.takeRoot(reader);
    if (reader.size() % PROGRESS_EVERY === 0) input.onProgress(reader.size());
  });

  function takeEntry(entry: LogEntry | null, line: number): void {
    const fault = keys.take(entry);
    if (fault !== null) findings.found({ ...fault, file: BUNDLE_FILES.entries, line });
    if (entry?.kind === 'head') input.onHead(entry, line);
    if (entry?.kind === 'erasure') erased.push(entry.session_id);
  }

  let first: SignedCheckpoint | null = null;
  let last: SignedCheckpoint | null = null;
  let checkpoints = 0;
  kept.takeRoot(reader);
  const file = BUNDLE_FILES.checkpoints;
  for await (const { text, line } of readableLines(input.checkpoints, file, findings)) {
    checkpoints += 1;
    const signed = readNoteLine(text);
    if ('why' in signed) {
      findings.found({ fault: 'bad_checkpoint', why: signed.why, file, line });
      continue;
    }
    chain.take(signed, line);
    kept.takeCheckpoint(signed, line);
    await compareRoot(signed, line, reader, findings);
    const fault = keys.checkNote(signed.note, signed.checkpoint.size);
    if (fault !== null) findings.found({ ...fault, file, line });
    input.onCheckpoint(signed);
    first ??= signed;
    last = signed;
  }
  await readUncovered(reader, findings);
  kept.end(reader.size());
  return { entries: reader.size(), checkpoints, erased, keys, first, last };
}

async function compareRoot(
  { checkpoint: { size, root } }: SignedCheckpoint,
  line: number,
  reader: EntryReader,
  findings: Findings,
): Promise<void> {
  const file = BUNDLE_FILES.checkpoints;
  // That it went back was found before, and a tree does not shrink.
  if (size < reader.size()) return;
  if (!(await reader.readTo(size))) {
    const why = `it is over ${size} entries, and there are ${reader.size()}`;
    findings.found({ fault: 'entries_missing', why, file, line });
  } else if (reader.root() !== root) {
    const why = `the tree of the first ${size} entries has another root: they are not what was signed`;
    findings.found({ fault: 'wrong_root', why, file, line });
  }
}

/** A bundle has the entries under its last checkpoint, and no others: nobody signed those. */
async function readUncovered(reader: EntryReader, findings: Findings): Promise<void> {
  const covered = reader.size();
  await reader.readTo(Number.MAX_SAFE_INTEGER);
  if (reader.size() === covered) return;
  const why = `${reader.size() - covered} entries from here on are under no checkpoint`;
  findings.found({ fault: 'uncovered_entry', why, file: BUNDLE_FILES.entries, line: covered + 1 });
}
