import { globSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The checkout's root. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** One import of a source file. */
export interface Import {
  /** The importing file, from the root. */
  readonly from: string;
  /** The imported file from the root, or the package's name. */
  readonly to: string;
  readonly typeOnly: boolean;
}

/** Source files of the project, tests and examples left out, from the root. */
export function sourceFiles(): string[] {
  return globSync(['worker.ts', '{src,workflows,activities}/**/*.{ts,mjs}'], { cwd: ROOT }).sort((a, b) =>
    a.localeCompare(b),
  );
}

export function textOf(file: string): string {
  return readFileSync(join(ROOT, file), 'utf8');
}

/** A file's text without its comments. */
export function codeOf(file: string): string {
  return textOf(file).replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '');
}

const STATEMENT = /^\s*(?:import|export)\s+(type\s)?(?:[^'";]*?\sfrom\s+)?'([^']+)'|\bimport\('([^']+)'\)/gms;

/** All imports of a file, static and dynamic. A type query (`typeof import`) counts as dynamic. */
export function importsOf(file: string): Import[] {
  return [...textOf(file).matchAll(STATEMENT)].map(([whole, type, fixed, dynamic]) => {
    const target = fixed ?? dynamic ?? '';
    const to = target.startsWith('.') ? relative(ROOT, join(ROOT, dirname(file), target)) : packageName(target);
    // `import { type A, type B }` brings no code either.
    const named =
      /\{([^}]*)\}/s
        .exec(whole)?.[1]
        ?.split(',')
        .map((name) => name.trim())
        .filter(Boolean) ?? [];
    const allTypes = named.length > 0 && named.every((name) => name.startsWith('type '));
    return { from: file, to, typeOnly: Boolean(type) || allTypes };
  });
}

function packageName(target: string): string {
  if (target.startsWith('node:')) return target;
  return target
    .split('/')
    .slice(0, target.startsWith('@') ? 2 : 1)
    .join('/');
}
