import { z } from 'zod';
import { checkJson } from '../src/core/json.ts';
import type { AuditRecord } from '../src/core/record.ts';
import type { Permit } from '../src/protocol.ts';

/** An envelope whose outside was checked. Its call is the activity's own to read. */
export interface CheckedEnvelope {
  readonly call: { readonly contractSha256?: string | null };
  readonly permit: Permit | null;
  readonly records: readonly AuditRecord[];
}

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

const envelope = z.strictObject({
  call: z.looseObject({ contractSha256: sha256.nullish() }),
  permit: z
    .strictObject({
      sessionId: z.string(),
      seq: z.int().nonnegative(),
      kind: z.enum(['model', 'tool']),
      digest: sha256,
      salt: z.string().max(64),
      untilMs: z.number(),
    })
    .nullable(),
  records: z.array(
    z.looseObject({
      v: z.number(),
      seq: z.int().nonnegative(),
      session_id: z.string(),
      ts: z.string(),
      event: z.string(),
      payload: z.looseObject({}),
      budget: z.looseObject({}),
    }),
  ),
});

/** Reads an activity's arguments, whoever scheduled it. */
export function parseEnvelope(args: readonly unknown[]): CheckedEnvelope | { readonly problem: string } {
  if (args.length !== 1) return { problem: `it has ${args.length} arguments, and must have one envelope` };
  const unsafe = checkJson(args[0], { maxDepth: 128 });
  if (unsafe) return { problem: `its envelope is not plain JSON: ${unsafe}` };
  const parsed = envelope.safeParse(args[0]);
  if (!parsed.success) return { problem: `its envelope is malformed: ${z.prettifyError(parsed.error).split('\n', 1)[0]}` };
  // The very object that arrived, not zod's copy: its digest is over every member.
  return args[0] as CheckedEnvelope;
}
