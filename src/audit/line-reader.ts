import type { LineBytes } from '../core/chain.ts';
import { type Chunks, LineFault, linesOf, splitBlocks } from './lines.ts';
import type { Findings } from './verdicts.ts';

/** A line, and its number from 1. */
export type NumberedLine = LineBytes & { readonly line: number };

/**
 * The lines of a bundle's file, or of a file alone, in constant memory. What can't be a line is found, and left out.
 *
 * @param file its name in findings; undefined for a file alone
 */
export async function* readableLines(
  chunks: Chunks,
  file: string | undefined,
  findings: Pick<Findings, 'found'>,
): AsyncGenerator<NumberedLine, void, undefined> {
  for await (const part of splitBlocks(chunks)) {
    if (part instanceof LineFault) findings.found(atLine(part, file));
    else yield* linesOf(part);
  }
}

function atLine({ fault, why, line }: LineFault, file: string | undefined) {
  return { fault, why, ...(file === undefined ? {} : { file }), line };
}
