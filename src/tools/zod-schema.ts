import { z } from 'zod';
import { AegrailError, messageOf } from '../core/errors.ts';
import type { ToolInputSchema } from './tool.ts';

/**
 * The JSON Schema of a tool's arguments, as a model and a rule see them.
 *
 * Both directions of the zod schema are converted, because a schema that changes values (a transform) shows only in the
 * second: a rule like `args.amount <= 100` is judged on the arguments as they came, so the tool must get the same ones.
 *
 * @throws AegrailError CONFIG_INVALID when it is not a zod 4 schema, has no JSON form, or is not of an object.
 */
export function inputSchemaOf(input: z.ZodType): ToolInputSchema {
  if (typeof input !== 'object' || input === null || !('_zod' in input)) {
    throw invalid('`input` must be a zod 4 schema, for example z.object({ id: z.string() })');
  }
  convert(input, 'output');
  const { $schema: _dialect, ...schema } = convert(input, 'input');
  if (schema['type'] !== 'object') {
    const found = typeof schema['type'] === 'string' ? schema['type'] : Object.keys(schema)[0];
    throw invalid(`\`input\` must describe an object, for example z.object({ … }), not ${found ?? 'anything'}`);
  }
  return schema;
}

function convert(input: z.ZodType, io: 'input' | 'output'): Record<string, unknown> {
  try {
    // Through JSON, because zod's answer carries more than data.
    return JSON.parse(JSON.stringify(z.toJSONSchema(input, { io }))) as Record<string, unknown>;
  } catch (error) {
    throw invalid(`${whereOf(input, io)}${messageOf(error)}. ${ADVICE}`, error);
  }
}

const ADVICE =
  'Take what JSON has (z.iso.datetime() or z.number() for a date, z.int() for a bigint, z.record() for a Map), and convert it in execute';

/** Which top-level key it is that has no JSON form. */
function whereOf(input: z.ZodType, io: 'input' | 'output'): string {
  if (!(input instanceof z.ZodObject)) return '`input`: ';
  for (const [key, schema] of Object.entries(input.shape)) {
    try {
      z.toJSONSchema(schema as z.ZodType, { io });
    } catch {
      return `\`input.${key}\`: `;
    }
  }
  return '`input`: ';
}

function invalid(why: string, cause?: unknown): AegrailError {
  return new AegrailError('CONFIG_INVALID', `defineTool: ${why}`, { cause });
}
