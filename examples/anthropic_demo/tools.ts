import { defineTool } from 'aegrail';
import { z } from 'zod';

export const weather = defineTool({
  description: 'The weather in a city now.',
  input: z.object({ city: z.string() }),
  execute: ({ city }) => ({ city, celsius: 11, sky: 'rain' }),
});
