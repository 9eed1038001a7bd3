import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { type Schema, Validator } from '@cfworker/json-schema';
import { expect, it } from 'vitest';
import { parse } from 'yaml';
import { textOf } from './repository.ts';

/** The schema of the Compose Specification, as the linter `dclint` ships it: there is no engine to ask in a test. */
function composeSchema(): Schema {
  const dclint = dirname(createRequire(import.meta.url).resolve('dclint/package.json'));
  return JSON.parse(readFileSync(join(dclint, 'schemas/compose.schema.json'), 'utf8')) as Schema;
}

function errorsOf(text: string): string[] {
  const { errors } = new Validator(composeSchema(), '7', false).validate(parse(text));
  return errors.map(({ instanceLocation, error }) => `${instanceLocation}: ${error}`);
}

it('docker-compose.yml is a Compose file by the schema of the specification', () => {
  expect(errorsOf(textOf('docker-compose.yml'))).toEqual([]);
});

it.each([
  ['a key that is none', /^ {4}stop_grace_period: 120s$/m, '    stop_grace: 120s'],
  ['a wrong type', /^ {4}read_only: true$/m, '    read_only: [true]'],
  ['an unknown condition', 'condition: service_completed_successfully', 'condition: service_completed'],
])('%s would be refused', (_, from, to) => {
  const text = textOf('docker-compose.yml');
  const spoilt = text.replace(from, to);
  expect(spoilt).not.toBe(text);
  expect(errorsOf(spoilt)).not.toEqual([]);
});
