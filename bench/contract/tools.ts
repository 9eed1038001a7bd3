import { z } from 'zod';
import { defineTool } from '../../src/tools/define.ts';

/** What both sides of the comparison do: the tool of a governed session, and the activity of a bare workflow. */
export function lookup({ id }: { readonly id: string }): { readonly id: string; readonly status: string } {
  return { id, status: 'shipped' };
}

/** One turn's worth of text. */
export const TWO_KILOBYTES = 2048;

export const lookup_order = defineTool({
  description: 'Looks up an order.',
  input: z.object({ id: z.string() }),
  execute: lookup,
});

export const read_page = defineTool({
  description: 'Reads a page of two kilobytes.',
  input: z.object({ page: z.number().int() }),
  execute: ({ page }) => `page ${page} `.padEnd(TWO_KILOBYTES, 'lorem ipsum '),
});
