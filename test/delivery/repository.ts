import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The root of the checkout. */
export const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');

/** The text of a file of the checkout, by its path from the root. */
export function textOf(path: string): string {
  return readFileSync(resolve(root, path), 'utf8');
}
