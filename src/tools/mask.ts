/** Shorter values are not masked: they would blank out ordinary text, and are no secrets worth the name. */
const MIN_SECRET_LENGTH = 6;

/** A text without the values of secrets: each is replaced by its name, `[secret NAME]`. */
export function maskSecrets(text: string, secrets: Readonly<Record<string, string>>): string {
  let masked = text;
  // The longest first: one secret may hold another.
  const entries = Object.entries(secrets).toSorted(([, a], [, b]) => b.length - a.length);
  for (const [name, value] of entries) {
    if (value.length >= MIN_SECRET_LENGTH) masked = masked.replaceAll(value, () => `[secret ${name}]`);
  }
  return masked;
}
