import { expect, test } from 'vitest';
import { makePrincipal, parsePrincipalId } from '../../src/core/principal.ts';

test('a principal is name/version@sess_<ms>_<rand>, and can be read again', () => {
  const principal = makePrincipal(
    { agent: 'support-bot', version: 'v1', user: 'ann', chain: [] },
    1_778_480_062_481,
    '4bf0a4f8cf1c',
    60_000,
  );
  expect(principal.id).toBe('support-bot/v1@sess_1778480062481_4bf0a4f8cf1c');
  expect(principal.expiresMs).toBe(1_778_480_122_481);
  expect(parsePrincipalId(principal.id)).toEqual({
    agent: 'support-bot',
    version: 'v1',
    startedMs: 1_778_480_062_481,
    random: '4bf0a4f8cf1c',
  });
});

test.each(['', 'bot', 'bot@sess_1_a', 'bot/v1@sess_x_a', 'bot/v1@sess_1_', 'b t/v1@sess_1_a', 'bot/v1@sess_1_a\n'])(
  '%j is none',
  (id) => {
    expect(parsePrincipalId(id)).toBeNull();
  },
);
