import { defineTool } from 'aegrail';
import { z } from 'zod';

/** Stands in for the shop's database, so that the example needs none. */
const orders = new Map([
  ['A-1001', { status: 'shipped', total: 42.5 }],
  ['A-1002', { status: 'lost in transit', total: 80 }],
  ['A-1003', { status: 'paid', total: 640 }],
]);

export const lookup_order = defineTool({
  description: 'Looks up one order by its number, such as A-1001.',
  input: z.object({ order: z.string() }),
  execute: ({ order }) => orders.get(order) ?? `there is no order ${order}`,
});

export const refund = defineTool({
  description: 'Refunds an amount in USD for one order. Small amounts only.',
  input: z.object({ order: z.string(), amount: z.number().positive() }),
  execute: ({ order, amount }, { principal }) => {
    const found = orders.get(order);
    if (found === undefined) return `there is no order ${order}`;
    if (amount > found.total) return `order ${order} was for ${found.total} USD only`;
    return { refunded: amount, order, by: principal.user };
  },
});
