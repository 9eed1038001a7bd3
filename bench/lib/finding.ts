/** One measured number, and what it had to be. */
export interface Finding {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** Highest value that passes; null for a number that only explains another. */
  readonly target: number | null;
}

/** Whether a number is within its target; null when it has none. */
export function passed({ value, target }: Finding): boolean | null {
  return target === null ? null : value <= target;
}

/** Findings as a table for a terminal. */
export function table(findings: readonly Finding[]): string {
  const rows = findings.map((finding) => {
    const ok = passed(finding);
    return [
      finding.name,
      `${rounded(finding.value)} ${finding.unit}`,
      finding.target === null ? '' : `<= ${finding.target}`,
      ok === null ? '' : ok ? 'pass' : 'FAIL',
    ];
  });
  const cells = [['measured', 'value', 'target', ''], ...rows];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  return cells
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
}

function rounded(value: number): string {
  return Number.isInteger(value) ? String(value) : value.toPrecision(value >= 1000 ? 5 : 4);
}
