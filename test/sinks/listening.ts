/** What a fan-out told of a sink. */
export interface Warning {
  readonly fields: Readonly<Record<string, unknown>>;
  readonly message: string;
}

/** A logger that keeps its warnings. */
export function listening(): {
  warnings: Warning[];
  logger: { warn(fields: Readonly<Record<string, unknown>>, message: string): void };
} {
  const warnings: Warning[] = [];
  return { warnings, logger: { warn: (fields, message) => void warnings.push({ fields, message }) } };
}
