import { expect, test } from 'vitest';
import { expandVariables } from '../../src/core/expand.ts';
import { type McpServerConfig, resolveServer } from '../../src/tools/mcp/server-config.ts';
import { serverEnvironment } from '../../src/tools/mcp/server-environment.ts';

const ENV = { TOKEN: 'tok', EMPTY: '', MISSING: undefined };

test.each([
  ['Bearer ${TOKEN}', 'Bearer tok'],
  ['${TOKEN}${TOKEN}', 'toktok'],
  ['${NONE:-a b}', 'a b'],
  ['${EMPTY:-x}', 'x'],
  ['${EMPTY}', ''],
  ['${NONE:-}', ''],
  ['$TOKEN costs $5', '$TOKEN costs $5'],
  ['$${TOKEN}', '${TOKEN}'],
])('%s is expanded to %s', (text, expanded) => {
  expect(expandVariables(text, ENV, 'here')).toBe(expanded);
});

test.each([
  ['${NONE}', /no variable NONE/],
  ['${MISSING}', /no variable MISSING/],
  ['${toString}', /no variable toString/],
  ['${input:token}', /\$\{input:token\} is not understood/],
  ['${TOKEN', /\$\{TOKEN is not understood/],
])('%s is refused', (text, message) => {
  expect(() => expandVariables(text, ENV, 'here')).toThrow(message);
});

test.each<[McpServerConfig, RegExp]>([
  [{ command: 'x', env: { KEY: '${NONE}' } }, /MCP server "shop", env\.KEY: the environment has no variable NONE/],
  [{ url: 'https://x', headers: { Auth: '${NONE}' } }, /MCP server "shop", headers\.Auth: .*NONE/],
  [{ url: 'ftp://x' }, /http:\/\/ or https:\/\//],
  [{ url: 'https://x', headers: { Auth: 'tok\n' } }, /headers\.Auth: holds a line break/],
  [{ url: 'https://x', headers: { 'A b': '' } }, /"A b" is not a name/],
])('a configuration that can not work is refused without its values', (config, message) => {
  const refused = expect.objectContaining({
    code: 'CONFIG_INVALID',
    message: expect.stringMatching(message) as string,
  }) as Error;
  expect(() => resolveServer('shop', config, ENV, '/work')).toThrow(refused);
});

test('paths are relative to the contract file', () => {
  expect(resolveServer('shop', { command: 'x', cwd: 'sub' }, ENV, '/work')).toMatchObject({ cwd: '/work/sub' });
  expect(resolveServer('shop', { command: 'x' }, ENV, '/work')).toMatchObject({ cwd: '/work' });
});

test('on Windows the basics are passed on, whatever their case', () => {
  const worker = { Path: 'C:\\bin', SystemRoot: 'C:\\W', OPENAI_API_KEY: 'sk', LC_ALL: 'C' };
  expect(serverEnvironment(worker, { A: '1' }, 'win32')).toEqual({ Path: 'C:\\bin', SystemRoot: 'C:\\W', A: '1' });
  expect(serverEnvironment(worker, { A: '1' }, 'linux')).toEqual({ LC_ALL: 'C', A: '1' });
});
