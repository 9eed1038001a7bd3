import { readFile } from 'node:fs/promises';
import { dirname, extname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Document, isNode, LineCounter, parseDocument } from 'yaml';
import { AegrailError, messageOf } from '../core/errors.ts';

/** A contract file that was read: its value, and where in the text each part of it stands. */
export interface ConfigSource {
  /** As the user named it, for messages. */
  readonly file: string;
  readonly baseDir: string;
  readonly value: unknown;
  /** `file:line:column` of a path, or the file alone where lines are not known. `inside` is an offset in the value's text. */
  at(path: readonly PropertyKey[], inside?: number): string;
}

/** Names that are looked for when none is given. */
export const CONFIG_NAMES = ['aegrail.yaml', 'aegrail.yml', 'aegrail.json', 'aegrail.config.ts'];

/** Reads a contract file: YAML, JSON, or TypeScript that exports `config`. @throws AegrailError CONFIG_INVALID */
export async function readSource(file: string, cwd: string): Promise<ConfigSource> {
  const path = resolve(cwd, file);
  if (['.ts', '.mts', '.js', '.mjs'].includes(extname(path))) return readModule(file, path);
  const text = await readText(file, path);
  const lines = new LineCounter();
  const document = parseDocument(text, {
    lineCounter: lines,
    prettyErrors: false,
    uniqueKeys: true,
    logLevel: 'error',
  });
  const [error] = document.errors;
  if (error) {
    const { line, col } = lines.linePos(error.pos[0]);
    throw new AegrailError('CONFIG_INVALID', `${file}:${line}:${col}: ${error.message}`);
  }
  const at = (path: readonly PropertyKey[], inside = 0): string => {
    for (let length = path.length; length > 0; length--) {
      const node = document.getIn(path.slice(0, length), true);
      if (!isNode(node) || !node.range) continue;
      const { line, col } = lines.linePos(node.range[0] + (length === path.length ? inside : 0));
      return `${file}:${line}:${col}`;
    }
    return `${file}:1:1`;
  };
  return { file, baseDir: dirname(path), value: valueOf(file, document), at };
}

function valueOf(file: string, document: Document): unknown {
  try {
    return document.toJS({ maxAliasCount: 100 });
  } catch (thrown) {
    throw new AegrailError('CONFIG_INVALID', `${file}: ${messageOf(thrown)}`, { cause: thrown });
  }
}

async function readText(file: string, path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (thrown) {
    const missing = (thrown as NodeJS.ErrnoException).code === 'ENOENT';
    const why = missing
      ? `There is no file ${file}. Give a contract file with --config, or write ${CONFIG_NAMES[0]}.`
      : `${file} can not be read: ${messageOf(thrown)}`;
    throw new AegrailError('CONFIG_INVALID', why, { cause: thrown });
  }
}

async function readModule(file: string, path: string): Promise<ConfigSource> {
  let loaded: { readonly config?: unknown; readonly default?: unknown };
  try {
    loaded = (await import(pathToFileURL(path).href)) as typeof loaded;
  } catch (thrown) {
    throw new AegrailError('CONFIG_INVALID', `${file} can not be loaded: ${messageOf(thrown)}`, { cause: thrown });
  }
  const value = loaded.config ?? loaded.default;
  if (value === undefined)
    throw new AegrailError(
      'CONFIG_INVALID',
      `${file} exports no config. Write: export const config = defineConfig({ … })`,
    );
  return { file, baseDir: dirname(path), value, at: () => file };
}
