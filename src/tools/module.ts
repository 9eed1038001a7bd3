import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { AegrailError, messageOf } from '../core/errors.ts';
import { isTool } from './define.ts';
import type { AnyTool } from './tool.ts';

/**
 * Loads a tool from a TypeScript or JavaScript module; `.ts` runs by Node's type stripping. A module whose only tool is its default
 * export needs no name.
 *
 * @param source `module`: a path, relative to `baseDir`. `export`: the tool's name unless the contract says another.
 * @throws AegrailError CONFIG_INVALID when there is no such file, it does not load, or has no such tool.
 */
export async function loadModuleTool(
  source: { readonly module: string; readonly export: string },
  baseDir: string,
): Promise<AnyTool> {
  const exports = await load(source.module, baseDir);
  const named = Object.hasOwn(exports, source.export) ? exports[source.export] : undefined;
  if (isTool(named)) return named;
  const tools = Object.keys(exports).filter((name) => isTool(exports[name]));
  if (named === undefined && tools.length === 1 && isTool(exports['default'])) return exports['default'];
  const has = tools.length === 0 ? 'It exports no tool at all' : `It exports the tools ${tools.join(', ')}`;
  if (named !== undefined) {
    throw invalid(
      `"${source.export}" of ${source.module} was not made by defineTool({ description, input, execute }). ${has}`,
    );
  }
  throw invalid(`${source.module} has no export "${source.export}". ${has}`);
}

async function load(module: string, baseDir: string): Promise<Record<string, unknown>> {
  const path = resolve(baseDir, module);
  const found = await stat(path).catch(() => null);
  if (found === null || !found.isFile()) {
    throw invalid(`there is no file ${path} (module: ${module}, taken relative to ${baseDir})`);
  }
  try {
    return (await import(pathToFileURL(path).href)) as Record<string, unknown>;
  } catch (error) {
    // What a module's own defineTool refused is already said as well as it can be.
    throw invalid(`${module} does not load: ${messageOf(error)}`, error);
  }
}

function invalid(message: string, cause?: unknown): AegrailError {
  return new AegrailError('CONFIG_INVALID', message, { cause });
}
