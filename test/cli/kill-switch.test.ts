import { existsSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CliStack, startCliStack } from './cli-stack.ts';
import { aegrail, folder } from './kit.ts';

const WHO = ['--by', 'bob@acme.com', '--reason', 'it loops'];

let cli: CliStack;
beforeAll(async () => {
  cli = await startCliStack();
});
afterAll(() => cli.close());

describe('aegrail kill-switch', () => {
  test('on ends running sessions and refuses new ones; off lets them run; without either it shows', async () => {
    expect(await cli.run('kill-switch')).toEqual({ code: 0, out: 'off\n', err: '' });
    const { id } = await cli.begin('Wait.');
    await cli.untilHanging(id);

    const on = await cli.run('kill-switch', 'on', '--agent', 'bot', ...WHO);
    expect(on).toEqual({
      code: 0,
      out: 'on for bot: no call begins any more, 1 running session told to end\n',
      err: '',
    });
    await cli.stack.aegrail.session(id).result();
    const shown = await cli.run('show', id);
    expect(shown.out).toContain('state      killed (kill_switch)');
    expect(shown.out).toMatch(/killed_by_switch +bot by bob@acme\.com \(it loops\), 1 in flight/);
    const late = await cli.begin('Hello.', '--wait');
    expect(late.end.code).toBe(1);
    expect(late.end.err).toContain('The kill switch is on for the agent bot: bob@acme.com turned it on (it loops).');

    const list = await cli.run('kill-switch');
    expect(list.out).toMatch(/^on for +since \(UTC\) +by +why\nbot +2\S+ \S+ +bob@acme\.com +it loops\n$/);
    expect(JSON.parse((await cli.run('kill-switch', '--json')).out)).toEqual({
      on: [{ agent: 'bot', by: 'bob@acme.com', reason: 'it loops', at: expect.stringMatching(/Z$/) }],
    });
    expect(await cli.run('kill-switch', 'off', '--agent', 'bot')).toMatchObject({
      code: 0,
      out: 'off for bot: what was killed stays so, new sessions run\n',
    });
    expect((await cli.begin('Hello.', '--wait')).end).toMatchObject({ code: 0 });
    const [change] = await cli.stack.store.switches.changes(1);
    expect(change).toMatchObject({ agent: 'bot', isOn: false, by: userInfo().username, reason: null });
  });

  test('without Temporal it is on all the same, and says who was not told', async () => {
    const address = '127.0.0.1:1';
    const on = await cli.run('kill-switch', 'on', '--address', address, '--json', ...WHO);
    expect(on.code).toBe(0);
    expect(JSON.parse(on.out)).toMatchObject({ agent: null, by: 'bob@acme.com', state: 'on', told: null });
    expect(on.err).toMatch(/could not be told: .*The switch is turned all the same/);
    expect((await cli.begin('Hello.', '--wait')).end.err).toContain('The kill switch is on for all agents');
    expect(await cli.run('kill-switch', 'off', '--address', address)).toMatchObject({ code: 0, err: '' });
  });

  test('an agent may be stopped before the store is there', async () => {
    const dir = folder({
      'aegrail.json': JSON.stringify({ agents: { bot: { model: 'openai/gpt-5.4-mini', limits: { usd: 1 } } } }),
    });
    expect(await aegrail(['kill-switch', 'on', ...WHO], { cwd: dir })).toMatchObject({ code: 0 });
    expect(existsSync(join(dir, '.aegrail/aegrail.db'))).toBe(true);
    expect((await aegrail(['kill-switch', '--agent', 'bot'], { cwd: dir })).out).toContain('all agents');
  });

  test.each<[string, readonly string[], RegExp]>([
    ['an agent that is not there', ['on', '--agent', 'bott'], /no agent "bott" here\. Did you mean bot\?/],
    ['another state', ['offf'], /turned on or off, and not "offf"/],
    ['nobody', ['on', '--by', ' '], /by must say who does it/],
    ['two lines', ['on', '--reason', 'a\nb'], /reason must be one line/],
  ])('%s is wrong use, and turns nothing', async (_what, args, says) => {
    const { code, out, err } = await cli.run('kill-switch', ...args);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toMatch(says);
    expect(await cli.stack.store.switches.on()).toEqual([]);
  });
});

describe('aegrail pause and resume', () => {
  test('say what they did, and show says who paused it', async () => {
    const { id } = await cli.begin('Wait.');
    await cli.untilHanging(id);
    expect(await cli.run('pause', id, '--by', ' ')).toMatchObject({
      code: 2,
      err: expect.stringMatching(/by must say/),
    });
    expect(await cli.run('pause', id, ...WHO)).toEqual({ code: 0, out: `${id} is paused\n`, err: '' });
    const eve = ['--by', 'eve@acme.com'];
    expect((await cli.run('pause', id, ...eve)).out).toBe(`${id} was paused already, by bob@acme.com\n`);
    expect((await cli.run('show', id)).out).toContain('running, paused by bob@acme.com (it loops), waiting for hang');
    expect(JSON.parse((await cli.run('resume', id, ...eve, '--json')).out)).toEqual({
      sessionId: id,
      requested: true,
      outcome: 'running',
      changed: true,
      by: null,
      reason: null,
    });
    expect((await cli.run('resume', id, ...eve)).out).toBe(`${id} was not paused\n`);
    expect((await cli.run('pause', id, ...eve, '--no-wait')).out).toBe(`${id} is told to pause\n`);
    await cli.run('cancel', id);
    await cli.stack.aegrail.session(id).result();
    expect(await cli.run('pause', id, ...eve)).toEqual({ code: 1, out: `${id} is over already: cancelled\n`, err: '' });
  });

  test.each(['pause', 'resume'])('%s needs somebody, and a session', async (change) => {
    expect(await cli.run(change, 'x')).toMatchObject({ code: 2, err: expect.stringContaining('--by') });
    expect(await cli.run(change, 'none', '--by', 'bob')).toMatchObject({
      code: 2,
      err: expect.stringContaining('no session'),
    });
  });
});
