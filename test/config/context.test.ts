import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { providersFrom } from '../../src/config/environment.ts';
import { loadConfig } from '../../src/config/load.ts';
import { resolveContracts } from '../../src/config/resolve.ts';
import type { Contract } from '../../src/core/contract.ts';
import { windowTokensOf } from '../../src/pricing/window.ts';
import { createMcpPool } from '../../src/tools/mcp.ts';
import { createToolbox } from '../../src/tools/toolbox.ts';

const AT = new Date('2026-11-20T00:00:00Z');

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'aegrail-context-'));
});
afterAll(() => rm(dir, { recursive: true }));

async function contextOf(agent: Record<string, unknown>): Promise<Contract['context']> {
  const bot = { model: 'openai/gpt-5.4-mini', limits: { tokens: 1_000 }, ...agent };
  await writeFile(join(dir, 'aegrail.json'), JSON.stringify({ agents: { bot } }));
  const config = await loadConfig('aegrail.json', dir);
  const options = {
    logger: pino({ level: 'silent' }),
    env: {},
    baseDir: dir,
    clientInfo: { name: 'test', version: '0' },
  };
  const toolbox = createToolbox(dir, createMcpPool({}, options), () => undefined);
  const providers = providersFrom({}, config.file.providers);
  const [pinned] = await resolveContracts(config, { toolbox, providers, at: AT });
  return pinned?.contract.context;
}

describe('the rule of a contract', () => {
  test.each<[string, Record<string, unknown>, Contract['context']]>([
    ['left out: the window of the price list', {}, { windowTokens: 400_000, compactPermille: 800 }],
    ['left out, of a model whose window is not known: off', { model: 'openai/gpt-nobody-knows' }, undefined],
    [
      'a window, of a model that nobody knows',
      { model: 'openai/gpt-nobody-knows', context: { windowTokens: 32_000 } },
      { windowTokens: 32_000, compactPermille: 800 },
    ],
    [
      'goes before the price list',
      { context: { windowTokens: 128_000, compactAt: 0.755 } },
      { windowTokens: 128_000, compactPermille: 755 },
    ],
    ['0: off', { context: { windowTokens: 128_000, compactAt: 0 } }, undefined],
  ])('%s', async (_what, agent, rule) => {
    expect(await contextOf(agent)).toEqual(rule);
  });

  test.each<[string, Record<string, unknown>, string]>([
    [
      'below what is of use',
      { context: { compactAt: 0.05 } },
      'agents.bot.context.compactAt: must be 0 (never), or from',
    ],
    ['above the window', { context: { compactAt: 1.1 } }, 'agents.bot.context.compactAt: must be 0 (never), or from'],
    ['of a window of nothing', { context: { windowTokens: 0 } }, 'agents.bot.context.windowTokens: Too small'],
    [
      'of a window that is not known',
      { model: 'openai/gpt-nobody-knows', context: { compactAt: 0.5 } },
      'agents.bot.context: the window of openai/gpt-nobody-knows is not known: give it as windowTokens',
    ],
    ['with another name', { context: { window: 5_000 } }, 'agents.bot.context.window: is not known here'],
  ])('that is %s is refused', async (_what, agent, says) => {
    await expect(contextOf(agent)).rejects.toThrow(says);
  });
});

test.each<[string, number | null]>([
  ['openai/gpt-5.4-mini', 400_000],
  ['openai/gpt-4o-2024-08-06', 128_000],
  ['anthropic/claude-haiku-4-5-20251001', 200_000],
  // The list would give it the window of claude-sonnet-5.
  ['anthropic/claude-sonnet-5-5', null],
  ['azure/gpt-4o', null],
  ['nobody/gpt-4o', null],
  ['openai/', null],
])('the window of %s is %j tokens', (model, tokens) => {
  expect(windowTokensOf(model, AT)).toBe(tokens);
});
