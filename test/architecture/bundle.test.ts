import { readFileSync } from 'node:fs';
import { expect, inject, test } from 'vitest';

/** Code of the bundle alone. Each cached workflow pays for it. */
const CEILING_BYTES = 1_300_000;

const code = readFileSync(inject('bundlePath'), 'utf8').replace(/\n\/\/# sourceMappingURL=.*\s*$/, '');

test('the workflow bundle stays below its ceiling', () => {
  expect(Buffer.byteLength(code)).toBeLessThan(CEILING_BYTES);
});

test.each([
  'zod',
  'pino',
  '@temporalio/worker',
  '@temporalio/client',
  '@temporalio/activity',
  '@ai-sdk',
  'yaml',
  '@modelcontextprotocol',
])('%s is not in the workflow bundle', (name) => {
  expect(code).not.toContain(`node_modules/${name}/`);
});

test('no built-in of Node is in the workflow bundle', () => {
  expect(
    /require\("(node:)?(fs|crypto|path|os|net|http|https|child_process|worker_threads|sqlite)"\)/.exec(code)?.[0],
  ).toBeUndefined();
});

test('modules are found by their paths: the checks above can fail', () => {
  expect(code).toContain('node_modules/@temporalio/workflow/');
  expect(code).toContain('node_modules/@marcbachmann/cel-js/');
  expect(Buffer.byteLength(code)).toBeGreaterThan(500_000);
});
