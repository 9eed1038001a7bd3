import { z } from 'zod';

const seconds = z.number().positive().max(86_400);
const bytes = z.int().min(1024).max(Number.MAX_SAFE_INTEGER);

const webhook = z
  .strictObject({
    url: z.url(),
    headers: z.record(z.string(), z.string()).optional(),
    timeoutSeconds: seconds.max(60).optional(),
    /** Name of the environment variable that holds the key of the signature. */
    secretEnv: z.string().min(1).optional(),
    maxRecords: z.int().min(1).max(10_000).optional(),
    maxBytes: bytes.optional(),
    maxAttempts: z.int().min(1).max(100).optional(),
    backoffSeconds: seconds.optional(),
    maxBackoffSeconds: seconds.optional(),
    spool: z.string().min(1).optional(),
    spoolMaxBytes: bytes.optional(),
  })
  .superRefine(({ spool, spoolMaxBytes, maxAttempts }, context) => {
    const problem = (key: string, message: string): void => context.addIssue({ code: 'custom', path: [key], message });
    if (spool === undefined && spoolMaxBytes !== undefined) problem('spoolMaxBytes', 'goes with spool, a folder');
    if (spool !== undefined && maxAttempts !== undefined)
      problem('maxAttempts', 'does not go with spool: what is in a spool is tried until it is delivered');
  });

const KINDS = ['file', 'stdout', 'webhook'] as const;
const OF_FILES = ['maxBytes', 'daily', 'keep', 'fsync'] as const;

/** One entry of `sinks`. A single object, and not one for each kind, so that a wrong key is told by its own name. */
export const sinkSchema = z
  .strictObject({
    file: z.string().min(1).optional(),
    maxBytes: bytes.optional(),
    daily: z.boolean().optional(),
    keep: z.int().min(1).max(100_000).optional(),
    fsync: z.enum(['never', 'batch']).optional(),
    stdout: z.literal(true).optional(),
    webhook: webhook.optional(),
  })
  .superRefine((sink, context) => {
    const problem = (key: string, message: string): void => context.addIssue({ code: 'custom', path: [key], message });
    if (KINDS.filter((kind) => sink[kind] !== undefined).length !== 1)
      context.addIssue({
        code: 'custom',
        message: 'needs just one of file (a path), stdout: true, and webhook: { url }',
      });
    for (const key of OF_FILES) {
      if (sink[key] !== undefined && sink.file === undefined) problem(key, 'goes with file');
    }
    if (sink.keep !== undefined && sink.maxBytes === undefined && !sink.daily)
      problem('keep', 'goes with maxBytes or daily: without them the file is never rotated');
  });
