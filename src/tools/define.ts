import type { z } from 'zod';
import { AegrailError } from '../core/errors.ts';
import { type AnyTool, TOOL_MARK, type ToolDefinition, type ToolSpec } from './tool.ts';
import { inputSchemaOf } from './zod-schema.ts';

/**
 * Makes a tool of a description, a zod 4 schema and a function. The schema is converted to JSON Schema here, so that what
 * can not be converted is found when the module loads, not when a model calls.
 *
 * @throws AegrailError CONFIG_INVALID with what to write instead.
 */
export function defineTool<Input extends z.ZodType>(spec: ToolSpec<Input>): ToolDefinition<Input> {
  if (typeof spec !== 'object' || spec === null) throw invalid('give it { description, input, execute }');
  const { description, input, execute, ...others } = spec;
  if (typeof description !== 'string' || description.trim() === '') {
    throw invalid('`description` must say what the tool does: it is all that the model knows of it');
  }
  if (typeof execute !== 'function') throw invalid('`execute` must be a function (args, context) => answer');
  const unknown = Object.keys(others);
  if (unknown.length > 0)
    throw invalid(`\`${unknown.join('`, `')}\` is not known; there are description, input and execute`);
  return Object.freeze({
    [TOOL_MARK]: true as const,
    description,
    input,
    execute,
    inputSchema: deepFreeze(inputSchemaOf(input)),
  });
}

/** Whether a value was made by {@link defineTool}, of this copy of the package or another. */
export function isTool(value: unknown): value is AnyTool {
  return typeof value === 'object' && value !== null && TOOL_MARK in value && value[TOOL_MARK] === true;
}

function invalid(why: string): AegrailError {
  return new AegrailError('CONFIG_INVALID', `defineTool: ${why}`);
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) Object.values(Object.freeze(value)).forEach(deepFreeze);
  return value;
}
