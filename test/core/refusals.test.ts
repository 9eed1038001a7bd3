import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { refusalTable } from '../../src/core/refusal-table.ts';

test('the table in the README is the table in the code', () => {
  const readme = readFileSync(new URL('../../README.md', import.meta.url), 'utf8');
  expect(readme).toContain(refusalTable());
});
