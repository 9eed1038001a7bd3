import { failureOf } from './failure.ts';
import type { Sink } from './sink.ts';

/** Several sinks as one. */
export interface CompositeSink extends Sink {
  readonly children: readonly Sink[];
}

/**
 * Makes one sink of several. Each child is given every record and checkpoint, at the same time: one that fails takes nothing from the
 * others, and its failure is told when all have ended. A fan-out gives each child a queue of its own.
 */
export function compositeSink(children: readonly Sink[]): CompositeSink {
  return {
    name: `composite of ${children.map((child) => child.name).join(', ')}`,
    children,
    write: (records) => onEach(children, (child) => child.write(records)),
    writeCheckpoint: (note) => onEach(children, async (child) => child.writeCheckpoint?.(note)),
    close: () => onEach(children, (child) => child.close()),
    reopen: () => onEach(children, async (child) => child.reopen?.()),
    listen: (trouble) => {
      for (const child of children) child.listen?.(trouble);
    },
  };
}

/** The sinks that a list comes down to, without composites. */
export function leavesOf(sinks: readonly Sink[]): readonly Sink[] {
  return sinks.flatMap((sink) => ('children' in sink ? leavesOf((sink as CompositeSink).children) : [sink]));
}

async function onEach(children: readonly Sink[], work: (child: Sink) => Promise<void>): Promise<void> {
  // Each in an async function: a child that throws at once is a rejection like any other.
  const results = await Promise.allSettled(children.map(async (child) => work(child)));
  const errors = results.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : []));
  const failed = children.filter((_, index) => results[index]?.status === 'rejected').map((child) => child.name);
  if (errors.length > 0) throw failureOf(errors, `${failed.join(', ')} failed`);
}
