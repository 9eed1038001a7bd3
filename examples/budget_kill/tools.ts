import { defineTool } from 'aegrail';
import { z } from 'zod';

export const search = defineTool({
  description: 'Searches the archive.',
  input: z.object({ query: z.string() }),
  execute: ({ query }) => `3 results for "${query}". None answers it. See also: ${query}, continued. `.repeat(12),
});
