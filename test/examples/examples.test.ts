import { expect, test } from 'vitest';
import { startModelEndpoint } from '../../src/model-endpoint/index.ts';
import { runExample } from './run.ts';

test('basic: looks up, refunds, answers, and shows its log', async () => {
  const { exitCode, stdout, stderr } = await runExample('basic/main.ts');
  expect(stderr).not.toContain('Error');
  expect(exitCode).toBe(0);
  expect(stdout).toContain('I have paid the 64 USD back');
  expect(stdout).toMatch(/principal +support-bot\/v1@sess_\d+_[0-9a-f]{12}/);
  expect(stdout.match(/ tool_call /g)).toHaveLength(2);
  expect(stdout).toMatch(/\d+ {2}session_ended/);
});

test('budget_kill: is killed below its limit, and no request more was sent than was paid', async () => {
  const { exitCode, stdout } = await runExample('budget_kill/main.ts');
  expect(exitCode).toBe(0);
  expect(stdout).toContain('killed by reason=usd');
  const spent = Number(/spent +([\d.]+) USD/.exec(stdout)?.[1]);
  expect(spent).toBeGreaterThan(0.035);
  expect(spent).toBeLessThanOrEqual(0.05);
  const calls = stdout.match(/^ +call +\d+:/gm)?.length;
  expect(stdout).toContain(`${calls} requests reached the model`);
});

test('multi_agent_acl: neither gets the tool of the other, and only one is killed', async () => {
  const { exitCode, stdout } = await runExample('multi_agent_acl/main.ts');
  expect(exitCode).toBe(0);
  const [finops = '', architect = ''] = stdout.split('architect/v1@');
  expect(finops).toContain('deploy_infra: ToolNotPermitted, not_registered (ASI03)');
  expect(finops).toContain('killed by reason=max_tool_calls');
  expect(architect).toContain('cost_report: ToolNotPermitted, not_registered (ASI03)');
  expect(architect).toContain('answered');
  expect(architect).toContain('1 of 3 tool calls');
});

test.each([
  ['openai_demo', 'OPENAI_API_KEY'],
  ['anthropic_demo', 'ANTHROPIC_API_KEY'],
])('%s: without a key it says so and uses the scripted endpoint', async (folder, variable) => {
  const { exitCode, stdout } = await runExample(`${folder}/main.ts`);
  expect(exitCode).toBe(0);
  expect(stdout.replace(/\s+/g, ' ')).toContain(`${variable} is not set`);
  expect(stdout).toContain('it rains in Graz');
});

test('anthropic_demo: with a key it uses the provider', async () => {
  const endpoint = await startModelEndpoint({ script: () => ({ say: 'Take the umbrella.' }), requireKey: true });
  const env = { ANTHROPIC_API_KEY: 'key', ANTHROPIC_BASE_URL: endpoint.anthropicBaseUrl };
  const { exitCode, stdout } = await runExample('anthropic_demo/main.ts', [], env);
  await endpoint.stop();
  expect(exitCode).toBe(0);
  expect(stdout).toContain('Take the umbrella.');
  expect(endpoint.calls.map(({ protocol }) => protocol)).toEqual(['anthropic']);
});
