import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { checkSession } from '../harness/check-session.ts';
import { botConfig, startStack } from '../harness/stack.ts';
import { type CliStack, startCliStack } from './cli-stack.ts';
import { jsonLines } from './kit.ts';

let cli: CliStack;
const ids = new Set<string>();
const names = new Set<string>();

beforeAll(async () => {
  cli = await startCliStack();
});
afterAll(async () => {
  for (const name of names) await cli.stack.aegrail.schedules.delete(name);
  for (const id of ids) await checkSession(cli.stack.client, id, await cli.stack.records(id));
  await cli.close();
});

/** Makes a schedule that comes round once a year at most, unless `more` says otherwise. */
async function made(...more: string[]): Promise<string> {
  const name = `test-${crypto.randomUUID()}`;
  const { code, err } = await cli.run('schedule', 'create', name, ...WHAT, ...more);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  names.add(name);
  return name;
}

const WHAT = ['--agent', 'bot', '--user', 'ann@acme.com', '--input', 'Hello.', '--cron', '0 9 1 1 *'];
const json = async (...args: string[]): Promise<Record<string, unknown>> =>
  JSON.parse((await cli.run(...args, '--json')).out) as Record<string, unknown>;

describe('aegrail schedule', () => {
  test('create, trigger, show: each time a session of its own, which answers', async () => {
    const name = await made('--timezone', 'Europe/Berlin', '--usd', '0.5', '--agent-version', 'v1');
    const triggered = await cli.run('schedule', 'trigger', name);
    expect(triggered).toMatchObject({ code: 0, err: '' });
    const id = triggered.out.trim();
    ids.add(id);
    expect(id).toMatch(new RegExp(`^${name}-\\d{4}-\\d\\d-\\d\\dT`));
    expect(await cli.stack.aegrail.session(id).result()).toMatchObject({
      outcome: 'answered',
      answer: 'It is on its way.',
      limits: { usd: 0.5 },
    });
    const described = await cli.stack.aegrail.session(id).describe();
    expect(described.memo).toMatchObject({ agent: 'bot', user: 'ann@acme.com', outcome: 'answered' });
    expect(await described.staticSummary()).toBe(`bot for ann@acme.com, by the schedule ${name}`);

    expect(await json('schedule', 'show', name)).toMatchObject({
      name,
      agent: 'bot',
      user: 'ann@acme.com',
      cron: '0 9 1 1 *',
      timezone: 'Europe/Berlin',
      overlap: 'skip',
      paused: false,
      note: null,
      // Nine in Berlin is eight in UTC there in winter.
      nextAt: expect.stringMatching(/-01-01T08:00:00\.000Z$/) as string,
      start: { agent: 'bot', user: 'ann@acme.com', input: 'Hello.', version: 'v1', limits: { usd: 0.5 } },
      sessions: [{ sessionId: id }],
      started: 1,
    });
    const { out } = await cli.run('schedule', 'show', name);
    expect(out).toMatch(/^agent {6}bot\/v1$/m);
    expect(out).toMatch(/^limits {5}usd 0\.5$/m);
    expect(out).toMatch(/^cron {7}0 9 1 1 \* \(Europe\/Berlin\)$/m);
    expect(out).toMatch(/^next {7}\d{4}-01-01 08:00:00 UTC\n {11}\d{4}-01-01 08:00:00 UTC$/m);
    expect(out).toContain(`sessions   ${id}\n`);
  });

  test('ls has those of sessions alone; pause and resume say who and why', async () => {
    const name = await made('--overlap', 'buffer_one');
    const alien = `alien-${crypto.randomUUID()}`;
    const { schedule } = cli.stack.client;
    const action = { type: 'startWorkflow', workflowType: 'other', taskQueue: 'nobody' } as const;
    const other = await schedule.create({ scheduleId: alien, spec: { cronExpressions: ['0 9 1 1 *'] }, action });
    const listed = async (): Promise<unknown[]> =>
      jsonLines((await cli.run('schedule', 'ls', '--json')).out).filter((row) =>
        [name, alien].includes((row as { name: string }).name),
      );
    await expect
      .poll(listed)
      .toMatchObject([{ name, agent: 'bot', user: 'ann@acme.com', cron: '0 9 1 1 *', timezone: 'UTC', paused: false }]);
    for (const command of ['show', 'trigger', 'delete'])
      expect(await cli.run('schedule', command, alien)).toMatchObject({
        code: 2,
        err: expect.stringContaining('it starts workflows of type other') as string,
      });
    await other.delete();

    const who = ['--by', 'bob@acme.com', '--reason', 'holidays'];
    expect((await cli.run('schedule', 'pause', name, ...who)).out).toBe(`${name} is paused\n`);
    expect(await json('schedule', 'show', name)).toMatchObject({
      paused: true,
      note: 'paused by bob@acme.com: holidays',
      overlap: 'buffer_one',
    });
    await expect
      .poll(async () => (await cli.run('schedule', 'ls')).out)
      .toMatch(
        new RegExp(
          `^schedule +agent +user +cron +time zone +next \\(UTC\\)$[^]*^${name} +bot +ann@acme.com +0 9 1 1 \\* +UTC +paused$`,
          'm',
        ),
      );
    expect((await cli.run('schedule', 'resume', name, '--by', 'eve')).out).toBe(`${name} goes on\n`);
    expect(await json('schedule', 'show', name)).toMatchObject({ paused: false, note: 'resumed by eve' });
  });

  test('one that is made paused starts nothing by itself, and a session by the clock is one', async () => {
    const name = await made('--cron', '* * * * * * *', '--overlap', 'skip', '--paused');
    expect(await json('schedule', 'show', name)).toMatchObject({ paused: true, started: 0, sessions: [] });
    await cli.run('schedule', 'resume', name, '--by', 'bob');
    await expect.poll(async () => (await cli.stack.aegrail.schedules.show(name)).started).toBeGreaterThan(1);
    await cli.run('schedule', 'pause', name, '--by', 'bob');
    const { sessions } = await cli.stack.aegrail.schedules.show(name);
    expect(new Set(sessions.map(({ sessionId }) => sessionId)).size).toBe(sessions.length);
    for (const { sessionId } of sessions) {
      ids.add(sessionId);
      expect(await cli.stack.aegrail.session(sessionId).result()).toMatchObject({ outcome: 'answered' });
    }
  });

  test('an encrypted one shows the server nothing but its times, and its sessions run', async () => {
    const payloadKeys = `k1:${Buffer.alloc(32, 7).toString('base64')}`;
    const stack = await startStack({ payloadKeys, config: botConfig({}), script: () => ({ say: 'Done.' }) });
    const name = `secret-${crypto.randomUUID()}`;
    const { schedules } = stack.aegrail;
    try {
      const start = { agent: 'bot', user: 'ann@acme.com', input: 'Hello.' };
      await schedules.create(name, { cron: '0 9 1 1 *', start });
      expect(await schedules.show(name)).toMatchObject({ start, user: 'ann@acme.com' });
      await schedules.pause(name, { by: 'bob@acme.com', reason: 'ann is away' });
      const { workflowService } = stack.client;
      const raw = await workflowService.describeSchedule({ namespace: 'default', scheduleId: name });
      const bytes = JSON.stringify(raw, (_, value: unknown) =>
        value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : value,
      );
      for (const secret of ['ann', 'bob', 'Hello', 'away']) expect(bytes).not.toContain(secret);
      // Who has no keys is told so, and has the other schedules listed all the same.
      expect(await cli.run('schedule', 'show', name)).toMatchObject({
        code: 1,
        err: expect.stringContaining('give the keys of the worker') as string,
      });
      await expect
        .poll(async () => (await cli.run('schedule', 'ls')).out)
        .toMatch(new RegExp(`^${name} +\\? +\\?`, 'm'));
      const id = (await schedules.trigger(name)) ?? '';
      expect(await stack.aegrail.session(id).result()).toMatchObject({ outcome: 'answered', answer: 'Done.' });
    } finally {
      await schedules.delete(name);
      await stack.close();
    }
  });

  test('delete, and then there is none; the same name twice is refused', async () => {
    const name = await made();
    expect(await cli.run('schedule', 'create', name, ...WHAT)).toMatchObject({
      code: 2,
      out: '',
      err: `aegrail: There is a schedule ${name} already.\n`,
    });
    expect((await cli.run('schedule', 'delete', name)).out).toBe(`${name} is deleted\n`);
    names.delete(name);
    for (const command of [['show'], ['trigger'], ['delete'], ['pause', '--by', 'x'], ['resume', '--by', 'x']]) {
      const [verb = '', ...rest] = command;
      const { code, err } = await cli.run('schedule', verb, name, ...rest, '--json');
      expect(code).toBe(2);
      expect(JSON.parse(err)).toEqual({
        error: { code: 'SCHEDULE_UNKNOWN', message: `There is no schedule ${name}.` },
      });
    }
  });

  test('its sessions are on the account that it names: without that one they fail', async () => {
    const name = await made('--account', 'tenant/nobody');
    expect((await cli.run('schedule', 'show', name)).out).toMatch(/^account +tenant\/nobody$/m);
    const id = (await cli.run('schedule', 'trigger', name)).out.trim();
    await expect(cli.stack.aegrail.session(id).result()).rejects.toMatchObject({ code: 'ACCOUNT_UNKNOWN' });
  });

  test.each<[string, string, readonly string[], RegExp]>([
    ['a cron of words', 'bad', ['--cron', 'every morning'], /cron "every morning": .*fields/],
    ['a minute that is none', 'bad', ['--cron', '61 9 * * *'], /cron "61 9 \* \* \*": .*range/],
    ['no cron', 'bad', ['--cron', ' '], /cron must be/],
    ['a time zone in cron', 'bad', ['--cron', 'TZ=Mars/Base 0 9 * * *'], /apart from cron/],
    ['a time zone of Mars', 'bad', ['--timezone', 'Mars/Base'], /"Mars\/Base" is no time zone/],
    ['an offset', 'bad', ['--timezone', '+01:00'], /"\+01:00" is no time zone/],
    ['an overlap that there is not', 'bad', ['--overlap', 'kill'], /Allowed choices are skip, buffer_one, allow_all/],
    ['a name with a slash', 'a/b', [], /its name must be/],
    ['a negative limit', 'bad', ['--usd', '-1'], /limits\.usd/],
    ['no user', 'bad', ['--user', ' '], /user is empty/],
  ])('%s is wrong use, and makes nothing', async (_what, name, more, says) => {
    const { code, out, err } = await cli.run('schedule', 'create', name, ...WHAT, ...more);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toMatch(says);
    await expect(cli.stack.client.schedule.getHandle(name).describe()).rejects.toThrow();
  });

  test('nobody may pause it without a name, nor with two lines of reason', async () => {
    const name = await made('--cron', '@every 1h', '--timezone', 'Asia/Tokyo');
    for (const args of [
      ['--by', ' '],
      ['--by', 'bob', '--reason', 'a\nb'],
    ])
      expect(await cli.run('schedule', 'pause', name, ...args)).toMatchObject({ code: 2, out: '' });
    expect(await json('schedule', 'show', name)).toMatchObject({ paused: false });
  });
});
