import { existsSync } from 'node:fs';
import { expect, test } from 'vitest';
import { startModelEndpoint } from '../../src/model-endpoint/index.ts';
import { runExample, startExample } from './run.ts';

test('the demo shows its five parts, and ends with 0', async () => {
  const { exitCode, stdout } = await runExample('demo/main.ts', ['--exit']);
  expect(stdout).toContain('All five parts showed what they should.');
  expect(exitCode).toBe(0);
  const text = stdout.replace(/\s+/g, ' ');
  expect(text).toContain('No OPENAI_API_KEY, ANTHROPIC_API_KEY or OPENAI_BASE_URL is set');
  expect(text).toContain('Your order was shipped on 2026-05-11, as parcel NL-4521');
  expect(text).toContain('killed by reason=usd');
  const posted = Number(/posted +([\d.]+) USD of 0\.050000 USD/.exec(stdout)?.[1]);
  expect(posted).toBeGreaterThan(0.045);
  expect(posted).toBeLessThanOrEqual(0.05);
  expect(stdout).toContain(`billed    ${posted.toFixed(6)} USD for 13 calls`);
  expect(text).toContain('refund: ToolNotPermitted, reason=predicate_false (OWASP ASI02)');
  expect(text).toContain('delete_file: ToolNotPermitted, reason=not_registered (OWASP ASI03)');
  expect(text).toContain('There is no tool \\"delete_file\\"');
  const [, forgedLine] = /is "1", on line (\d+)/.exec(text) ?? [];
  expect(text).toContain(`does not verify: line ${forgedLine},`);
  const sums = stdout.match(/\b[0-9a-f]{64}\b/g) ?? [];
  expect(sums).toHaveLength(2);
  expect(sums[0]).toBe(sums[1]);
  const [, stateDir = ''] = /state +(\S+), removed/.exec(stdout) ?? [];
  expect(existsSync(stateDir)).toBe(false);
});

test('with a model that plays along in nothing, it says so of each part and ends with 1', async () => {
  const endpoint = await startModelEndpoint({ script: () => ({ say: 'I would rather not.' }), models: ['lazy-model'] });
  const { exitCode, stdout } = await runExample('demo/main.ts', ['--exit'], {
    OPENAI_BASE_URL: endpoint.openaiBaseUrl,
  });
  await endpoint.stop();
  expect(exitCode).toBe(1);
  const text = stdout.replace(/\s+/g, ' ');
  expect(text).toContain('lazy-model, a real model at');
  expect(text).toContain('Part 1 did not show what it should: the model answered without reading a file');
  expect(text).toContain('Part 2 did not show what it should: the model stopped looping by itself');
  expect(text).toContain('Part 3 did not show what it should: the model did not try');
  expect(text).not.toContain('Part 5 did not');
});

test('Ctrl-C in the middle of a session cleans up', async () => {
  const demo = startExample('demo/main.ts');
  await demo.shows('call   tokens');
  demo.kill('SIGINT');
  const { exitCode, stdout, stderr } = await demo.ended;
  expect(stderr).toContain('ended by SIGINT');
  expect(stderr).not.toContain('Error');
  expect(exitCode).toBe(130);
  expect(stdout).not.toContain('3. What');
  const [, stateDir = 'none'] = /state +(\S+), removed/.exec(stdout) ?? [];
  expect(stateDir).toMatch(/aegrail-example-/);
  expect(existsSync(stateDir)).toBe(false);
  const [, address = ''] = /Temporal +(\S+),/.exec(stdout) ?? [];
  await expect(fetch(`http://${address}`)).rejects.toMatchObject({ cause: { code: 'ECONNREFUSED' } });
});

test('Ctrl-C while everything starts cleans up too', async () => {
  const demo = startExample('demo/main.ts');
  await demo.shows('model     a scripted one');
  demo.kill('SIGINT');
  const { exitCode, stderr } = await demo.ended;
  expect(exitCode).toBe(130);
  expect(stderr).toContain('ended by SIGINT');
});
