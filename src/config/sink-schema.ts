import { z } from 'zod';

const seconds = z.number().positive().max(86_400);
const bytes = z.int().min(1024).max(Number.MAX_SAFE_INTEGER);

/** What every sink that posts over HTTP has. */
const overHttp = {
  url: z.url(),
  headers: z.record(z.string(), z.string()).optional(),
  timeoutSeconds: seconds.max(60).optional(),
  maxRecords: z.int().min(1).max(10_000).optional(),
  maxBytes: bytes.optional(),
  maxAttempts: z.int().min(1).max(100).optional(),
  backoffSeconds: seconds.optional(),
  maxBackoffSeconds: seconds.optional(),
  spool: z.string().min(1).optional(),
  spoolMaxBytes: bytes.optional(),
};

type Problem = (key: string, message: string) => void;

function checkSpool(
  sink: { readonly spool?: unknown; readonly spoolMaxBytes?: unknown; readonly maxAttempts?: unknown },
  problem: Problem,
): void {
  if (sink.spool === undefined && sink.spoolMaxBytes !== undefined)
    problem('spoolMaxBytes', 'goes with spool, a folder');
  if (sink.spool !== undefined && sink.maxAttempts !== undefined)
    problem('maxAttempts', 'does not go with spool: what is in a spool is tried until it is delivered');
}

function problemsOf(context: z.RefinementCtx): Problem {
  return (key, message) => context.addIssue({ code: 'custom', path: [key], message });
}

const webhook = z
  .strictObject({
    ...overHttp,
    /** Name of the environment variable that holds the key of the signature. */
    secretEnv: z.string().min(1).optional(),
  })
  .superRefine((sink, context) => checkSpool(sink, problemsOf(context)));

const otlp = z
  .strictObject({
    ...overHttp,
    logs: z.boolean().optional(),
    traces: z.boolean().optional(),
    resource: z.record(z.string().min(1), z.string()).optional(),
  })
  .superRefine((sink, context) => {
    checkSpool(sink, problemsOf(context));
    if (sink.logs === false && sink.traces === false)
      context.addIssue({ code: 'custom', message: 'sends nothing: logs and traces are both false' });
  });

const KINDS = ['file', 'stdout', 'webhook', 'otlp'] as const;
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
    otlp: otlp.optional(),
  })
  .superRefine((sink, context) => {
    const problem = problemsOf(context);
    if (KINDS.filter((kind) => sink[kind] !== undefined).length !== 1)
      context.addIssue({
        code: 'custom',
        message: 'needs just one of file (a path), stdout: true, webhook: { url }, and otlp: { url }',
      });
    for (const key of OF_FILES) {
      if (sink[key] !== undefined && sink.file === undefined) problem(key, 'goes with file');
    }
    if (sink.keep !== undefined && sink.maxBytes === undefined && !sink.daily)
      problem('keep', 'goes with maxBytes or daily: without them the file is never rotated');
  });
