import { expect, test } from 'vitest';
import { deploymentFrom } from '../../src/config/environment.ts';
import { aegrailProcess, folder } from '../cli/kit.ts';

const NAME = 'TEMPORAL_DEPLOYMENT_NAME';
const BUILD = 'TEMPORAL_WORKER_BUILD_ID';

test('a worker has the version that its environment says, or none', () => {
  expect(deploymentFrom({ [NAME]: 'bots', [BUILD]: 'v7' })).toEqual({ deploymentName: 'bots', buildId: 'v7' });
  expect(deploymentFrom({ [NAME]: '', [BUILD]: '' })).toBeNull();
  expect(deploymentFrom({})).toBeNull();
});

test.each([
  [NAME, BUILD],
  [BUILD, NAME],
])('%s without %s is refused, and the worker does not start', async (set, missing) => {
  expect(() => deploymentFrom({ [set]: 'x' })).toThrow(`${set} is set and ${missing} is not`);
  const cwd = folder({
    'aegrail.json': JSON.stringify({ agents: { bot: { model: 'openai/gpt-5.4-mini', limits: { usd: 1 } } } }),
  });
  const { code, out, err } = await aegrailProcess(['worker'], { cwd, env: { [set]: 'x' } });
  expect({ code, out }).toEqual({ code: 2, out: '' });
  expect(err).toContain(`${set} is set and ${missing} is not`);
});
