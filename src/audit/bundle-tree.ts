import type { VerifierKey } from '../signing/key.ts';
import { BUNDLE_FILES, MAX_KEYS_BYTES } from './bundle-format.ts';
import type { Bundle } from './bundle-reader.ts';
import type { HeadCheck } from './head-check.ts';
import type { KeptCheckpoint } from './kept-checkpoints.ts';
import { checkTree, type TreeFound } from './tree-check.ts';
import { judgeTrust } from './trust-check.ts';
import type { Findings } from './verdicts.ts';
import { createWitnessCheck } from './witness-check.ts';

/** What an auditor trusts, from elsewhere than the bundle. */
export interface Trust {
  /** Keys of the log. None: then whose its keys are is left open. */
  readonly keys: readonly VerifierKey[];
  /** Witnesses that must have cosigned the last checkpoint. */
  readonly witnesses: readonly VerifierKey[];
  /** Checkpoints that were kept. */
  readonly kept: readonly KeptCheckpoint[];
}

/** Called now and then, with how many entries or records were read. */
export type OnProgress = (done: number, what: 'entries' | 'records') => void;

/** Reads a bundle's log of logs, and judges who signed it. */
export async function readTree(
  bundle: Bundle,
  origin: string,
  heads: HeadCheck,
  trust: Trust & { readonly onProgress: OnProgress },
  findings: Findings,
): Promise<TreeFound> {
  const witnesses = createWitnessCheck(trust.witnesses, findings);
  const tree = await checkTree(
    {
      origin,
      mayBeginLater: bundle.manifest.query.since !== undefined,
      entries: bundle.chunks(BUNDLE_FILES.entries),
      checkpoints: bundle.chunks(BUNDLE_FILES.checkpoints),
      kept: trust.kept,
      onHead: (head, line) => heads.takeHead(head, line),
      onCheckpoint: (signed) => witnesses.take(signed),
      onProgress: (entries) => trust.onProgress(entries, 'entries'),
    },
    findings,
  );
  judgeTrust(tree, trust.keys, findings);
  witnesses.end();
  await compareKeys(bundle, tree, findings);
  return tree;
}

/** `keys.txt` is there for people, who may take a key from it: it must not show another one than the entries do. */
async function compareKeys(bundle: Bundle, { keys }: TreeFound, findings: Findings): Promise<void> {
  const file = BUNDLE_FILES.keys;
  const written = await bundle.whole(file, MAX_KEYS_BYTES);
  const right = keys.keys().map(({ key }) => `${key.vkey}\n`);
  if (written !== null && written.equals(Buffer.from(right.join('')))) return;
  findings.found({ fault: 'wrong_keys', why: 'it does not list the keys of the entries, one a line', file, line: 1 });
}

/** What can't be known of a bundle without a log of logs. */
export function tellUnsigned({ witnesses, kept }: Trust, findings: Findings): void {
  const why = 'the bundle has no checkpoints';
  findings.unchecked('completeness', `${why}: a tail or a session that is missing does not show`);
  findings.unchecked('authenticity', `${why}: nothing in it is signed`);
  const [first] = kept;
  if (first !== undefined) {
    const { file, line } = first;
    findings.found({ fault: 'rolled_back', why: `${why}, and this one was kept`, file, outside: true, line });
  }
  for (const { id } of witnesses)
    findings.found({ fault: 'no_cosignature', why: `${why}: ${id} has cosigned nothing`, file: BUNDLE_FILES.manifest });
}
