import { readFile } from 'node:fs/promises';
import { defineTool } from 'aegrail';
import { z } from 'zod';

/** Pays money back. The rule in aegrail.yaml decides whether it ever runs. */
export const refund = defineTool({
  description: 'Refunds an amount in USD for an order.',
  input: z.object({ order: z.string(), amount: z.number().positive(), reason: z.string() }),
  execute: ({ order, amount }, { principal }) => ({ order, refunded: amount, by: principal.id }),
});

/** What the carrier knows of a parcel. This one never arrives, as an agent that waits for it will find out. */
export const track_parcel = defineTool({
  description: "Answers with the carrier's scans of a parcel, the newest last.",
  input: z.object({ parcel: z.string().regex(/^[A-Z]{2}-\d{4}$/) }),
  execute: async ({ parcel }) => readFile(new URL(`./shop/parcels/${parcel}.txt`, import.meta.url), 'utf8'),
});
