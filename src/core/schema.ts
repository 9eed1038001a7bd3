import { type Schema, type SchemaDraft, Validator } from '@cfworker/json-schema';
import { boundedSchema, type JsonSchema } from './bounded-schema.ts';

/** Why arguments break a tool's JSON Schema, or null. */
export type SchemaCheck = (value: unknown) => string | null;

/** Compiles a JSON Schema to a check that interprets it: no code is generated, so it runs in a workflow, in bounded time. */
export function compileSchema(schema: JsonSchema): SchemaCheck {
  // A copy: the validator writes into what it is given.
  const copy = JSON.parse(JSON.stringify(boundedSchema(schema))) as Schema;
  const validator = new Validator(copy, draftOf(schema));
  return (value) => {
    const { valid, errors } = validator.validate(value);
    if (valid) return null;
    // The last error is the innermost: what is wrong, not the chain of keywords that led there.
    const error = errors.at(-1);
    return error ? `${pathOf(error.instanceLocation)}${sentence(error.error)}` : 'they do not fit the schema';
  };
}

function draftOf(schema: JsonSchema): SchemaDraft {
  const declared = typeof schema['$schema'] === 'string' ? schema['$schema'] : '';
  if (declared.includes('draft-04')) return '4';
  if (declared.includes('draft-07') || declared.includes('draft-06')) return '7';
  return declared.includes('2019-09') ? '2019-09' : '2020-12';
}

function pathOf(pointer: string): string {
  const path = pointer.replace(/^#\/?/, '').replaceAll('/', '.');
  return path === '' ? '' : `${path}: `;
}

function sentence(text: string): string {
  return text.replace(/\.$/, '').slice(0, 300);
}
