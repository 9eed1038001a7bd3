import { type Refusal, REFUSALS } from './refusals.ts';

/** The table of refusals as Markdown: what README shows is made here, and a test compares them. */
export function refusalTable(): string {
  const rows: [string, Refusal][] = Object.entries(REFUSALS);
  return [
    '| reason | error | OWASP | ends | meaning |',
    '| --- | --- | --- | --- | --- |',
    ...rows.map(
      ([reason, { family, asi, ends, meaning }]) =>
        `| \`${reason}\` | \`${family}\` | ${asi} | the ${ends} | ${meaning} |`,
    ),
  ].join('\n');
}
