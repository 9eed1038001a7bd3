import type { ChaosReport } from './chaos.ts';

/** A report for people: what was done, how sessions ended, and what is wrong. */
export function reportText({ killed, fell, sessions, problems }: ChaosReport): string {
  const ends = new Map<string, number>();
  for (const { kind, result } of sessions) {
    const end = `${kind.name}: ${result?.outcome ?? 'no end'}`;
    ends.set(end, (ends.get(end) ?? 0) + 1);
  }
  return [
    `${killed.workers} kills of workers, ${killed.server} of the server; workers ended ${fell} times by themselves`,
    `${sessions.length} sessions: ${[...ends]
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([end, count]) => `${end} ${count}`)
      .join(', ')}`,
    problems.length === 0 ? 'nothing is wrong' : `${problems.length} problems:`,
    ...problems,
    '',
  ].join('\n');
}
