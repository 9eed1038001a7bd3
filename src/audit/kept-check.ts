import { BUNDLE_FILES } from './bundle-format.ts';
import type { EntryReader } from './entry-reader.ts';
import type { SignedCheckpoint } from './checkpoint-reading.ts';
import type { KeptCheckpoint } from './kept-checkpoints.ts';
import type { Findings } from './verdicts.ts';

/** Holds a bundle against checkpoints that were kept elsewhere. */
export interface KeptCheck {
  /** The tree has one entry more, or is empty. */
  takeRoot(tree: Pick<EntryReader, 'size' | 'root'>): void;
  takeCheckpoint(signed: SignedCheckpoint, line: number): void;
  /** There are no more entries. */
  end(size: number): void;
}

/**
 * What somebody saw of a log once must be in it for ever: the same root at the same size, and the same text under the
 * same number.
 */
export function createKeptCheck(all: readonly KeptCheckpoint[], logOrigin: string, findings: Findings): KeptCheck {
  const kept = all.filter(({ origin, file, line }) => {
    if (origin === logOrigin) return true;
    findings.found({
      fault: 'bad_checkpoint',
      why: `it was kept of another log than ${logOrigin}`,
      file,
      outside: true,
      line,
    });
    return false;
  });
  const bySize = kept.toSorted((a, b) => a.size - b.size);
  const byNumber = new Map(kept.map((checkpoint) => [checkpoint.number, checkpoint]));
  let next = 0;
  let same = 0;
  return {
    takeRoot(tree) {
      const size = tree.size();
      for (let seen = bySize[next]; seen !== undefined && seen.size === size; seen = bySize[++next]) {
        if (tree.root() === seen.root) {
          same += 1;
          continue;
        }
        const why = `the checkpoint that was kept has another root for the first ${size} entries: there are two logs`;
        findings.found({ fault: 'forked', why, file: seen.file, outside: true, line: seen.line });
      }
    },
    takeCheckpoint({ checkpoint, hash }, line) {
      const seen = byNumber.get(checkpoint.number);
      if (seen === undefined || seen.hash === hash) return;
      const why = `number ${checkpoint.number} is another than the one that was kept (${seen.file}:${seen.line})`;
      findings.found({ fault: 'forked', why, file: BUNDLE_FILES.checkpoints, line });
    },
    end(size) {
      for (const seen of bySize.slice(next)) {
        const why = `the checkpoint that was kept is over ${seen.size} entries, and the bundle has ${size}: the log was cut`;
        findings.found({ fault: 'rolled_back', why, file: seen.file, outside: true, line: seen.line });
      }
      if (kept.length > 0) {
        const told = `${same} of ${kept.length} kept checkpoints have the same root as the bundle's entries`;
        findings.evidence('completeness', told);
      }
    },
  };
}
