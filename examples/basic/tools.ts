import { defineTool } from 'aegrail';
import { z } from 'zod';

export const lookup_order = defineTool({
  description: 'Looks up an order by its number.',
  input: z.object({ order: z.string() }),
  execute: ({ order }) => ({ order, item: 'coffee pot', priceUsd: 64, status: 'arrived broken' }),
});

export const refund = defineTool({
  description: 'Refunds an amount in USD for an order.',
  input: z.object({ order: z.string(), amount: z.number().positive() }),
  execute: ({ order, amount }) => `refunded ${amount} USD for order ${order}`,
});
