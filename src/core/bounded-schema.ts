import { isPlainObject } from './values.ts';

/** A JSON Schema, or a part of one. */
export type JsonSchema = { readonly [key: string]: unknown };

/** Keywords whose value is a map of names to schemas. */
const MAPS = new Set(['properties', 'patternProperties', '$defs', 'definitions', 'dependentSchemas']);
/** Keywords whose value is data, not a schema. */
const DATA = new Set(['enum', 'const', 'default', 'examples', 'required', 'dependentRequired']);

/**
 * A schema without what could take a workflow seconds to check, and so get its task stuck: regular expressions that can
 * backtrack, `format` (which is an annotation since 2019-09) and `uniqueItems`, which compares each with each. What is left out
 * here is still checked by the tool itself, whose schema it is: a module's zod schema, an MCP server.
 */
export function boundedSchema(schema: JsonSchema): JsonSchema {
  return Object.fromEntries(Object.entries(schema).flatMap(([key, value]) => kept(key, value)));
}

function kept(key: string, value: unknown): [string, unknown][] {
  if (key === 'format' || key === 'uniqueItems') return [];
  if (key === 'pattern') return typeof value === 'string' && isLinear(value) ? [[key, value]] : [];
  if (DATA.has(key)) return [[key, value]];
  if (MAPS.has(key) && isPlainObject(value)) return [[key, boundedMap(key, value)]];
  return [[key, bounded(value)]];
}

function boundedMap(key: string, map: JsonSchema): JsonSchema {
  const names = Object.entries(map).filter(([name]) => key !== 'patternProperties' || isLinear(name));
  return Object.fromEntries(names.map(([name, schema]) => [name, bounded(schema)]));
}

function bounded(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(bounded);
  return isPlainObject(value) ? boundedSchema(value) : value;
}

/**
 * Whether a regular expression surely takes time in proportion to the text: anchored at its start, without groups that
 * repeat, back-references or look-arounds, and with at most one part that may repeat without end.
 */
function isLinear(pattern: string): boolean {
  const bare = pattern.replace(/\\[dDwWsSbB.^$|?*+()[\]{}/\\-]/g, 'x').replace(/\[[^\]\\]*\]/g, 'x');
  if (/\\|\)[*+?{]|\(\?/.test(bare)) return false;
  const endless = bare.match(/[*+]|\{\d*,\}/g)?.length ?? 0;
  return endless === 0 || (endless === 1 && bare.startsWith('^') && !bare.includes('|'));
}
