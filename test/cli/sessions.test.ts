import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { duration } from '../../src/cli/text.ts';
import { botConfig } from '../harness/stack.ts';
import { type CliStack, startCliStack } from './cli-stack.ts';
import { aegrailProcess, jsonLines, runAegrail } from './kit.ts';

let cli: CliStack;

beforeAll(async () => {
  cli = await startCliStack();
});

afterAll(() => cli.close());

describe('looking at sessions', () => {
  test('sessions lists them, with agent, user, state and what they cost', async () => {
    const { id } = await cli.begin('Hello.', '--wait');
    const killed = (await cli.begin('Loop.', '--wait', '--max-tool-calls', '0')).id;
    const listed = async (): Promise<unknown[]> =>
      jsonLines((await cli.run('sessions', '--json', '--agent', 'bot', '--limit', '500')).out);
    // What Temporal lists is behind by some moments.
    await expect.poll(listed).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          id,
          agent: 'bot',
          user: 'ann@acme.com',
          state: 'answered',
          usd: expect.any(Number) as number,
        }),
        expect.objectContaining({ id: killed, state: 'killed', reason: 'max_tool_calls' }),
      ]),
    );
    const { code, out, err } = await cli.run('sessions', '--agent', 'bot', '--limit', '500');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(
      new RegExp(`^session +agent +user +state +started \\(UTC\\) +usd\\n[^]*${id} +bot +ann@acme.com +answered `),
    );
    expect(await cli.run('sessions', '--agent', 'no-such-agent')).toMatchObject({ code: 0, out: '' });
    expect((await cli.run('sessions', '--limit', '1', '--json')).out.trimEnd().split('\n')).toHaveLength(1);
  });

  test('a session whose memo can not be read is listed, and keeps no other from it', async () => {
    const { id } = await cli.begin('Hello.', '--wait');
    const { client, taskQueue } = cli.stack;
    const odd = `odd-${id}`;
    const text = (value: string): Uint8Array => new TextEncoder().encode(value);
    await client.workflowService.startWorkflowExecution({
      namespace: 'default',
      workflowId: odd,
      requestId: odd,
      workflowType: { name: 'agentSession' },
      taskQueue: { name: taskQueue },
      memo: { fields: { agent: { metadata: { encoding: text('json/plain') }, data: text('{') } } },
    });
    const ids = async (): Promise<string[]> =>
      jsonLines((await cli.run('sessions', '--json', '--limit', '500')).out).map((row) => (row as { id: string }).id);
    await expect.poll(ids).toEqual(expect.arrayContaining([id, odd]));
  });

  test('a session that failed before it was opened has no log to export', async () => {
    const id = `unopened-${crypto.randomUUID()}`;
    await cli.run('start', 'nobody', '--user', 'ann', '--input', 'x', '--session', id, '--wait');
    const { code, out, err } = await cli.runProcess('audit', 'export', id, '--from', 'history');
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toContain('has no records: it failed before it was opened');
  });

  test('a workflow that is no session is not watched for ever', async () => {
    const alien = `alien-${crypto.randomUUID()}`;
    await cli.stack.client.workflow.start('other', { taskQueue: 'nobody', workflowId: alien });
    const by = ['--by', 'bob'];
    for (const [command, ...more] of [
      ['watch'],
      ['show'],
      ['cancel'],
      ['approvals'],
      ['approve', 'apr_1', ...by],
      ['topup', '--usd', '1', ...by],
      ['send', 'hello'],
      ['send', 'hello', '--no-answer'],
    ] as const) {
      const { code, err } = await cli.run(command, alien, ...more);
      expect({ command, code }).toEqual({ command, code: 2 });
      expect(err).toContain('is no session: it is a workflow of type other');
    }
    await cli.stack.client.workflow.getHandle(alien).terminate();
  });

  test('show has principal, ledger, result and records; --json is one document', async () => {
    const { id } = await cli.begin('Hello.', '--wait');
    const text = await cli.run('show', id);
    expect(text).toMatchObject({ code: 0, err: '' });
    for (const part of [
      'bot/v1@sess_',
      'openai/gpt-5.4-mini',
      'answered',
      'tool calls',
      'wipe: not_registered (ASI03)',
      'It is on its way.',
    ])
      expect(text.out).toContain(part);
    const json = await cli.run('show', id, '--json');
    expect(json).toMatchObject({ code: 0, err: '' });
    expect(JSON.parse(json.out)).toMatchObject({
      session: { id, state: 'answered' },
      view: { sessionId: id },
      result: { outcome: 'answered' },
      failure: null,
    });
  });

  test('show of a killed session is exit code 0: it was asked how it is', async () => {
    const { id } = await cli.begin('Hello.', '--wait', '--tokens', '5');
    expect(await cli.run('show', id)).toMatchObject({
      code: 0,
      out: expect.stringContaining('killed by reason=tokens') as string,
    });
  });

  test('show of a terminated session: its clock stands where Temporal closed it, and it does nothing any more', async () => {
    const { id } = await cli.begin('Wait.');
    await cli.untilHanging(id);
    await cli.stack.aegrail.session(id).handle.terminate();
    const { session, view } = JSON.parse((await cli.run('show', id, '--json')).out) as {
      session: { startedAt: string; endedAt: string };
      view: { ledger: { startedMs: number }; doing: string };
    };
    const { out } = await cli.run('show', id);
    const ran = duration(Date.parse(session.endedAt) - view.ledger.startedMs);
    expect(out).toMatch(new RegExp(`^wall clock +${ran.replace('.', '\\.')} `, 'm'));
    expect(out).toMatch(/^state {6}terminated$/m);
  });

  test('watch follows the records to the end', async () => {
    const { id } = await cli.begin('Hello.');
    const { code, out } = await cli.run('watch', id, '--json');
    expect(code).toBe(0);
    const records = jsonLines(out) as { seq: number; event: string }[];
    expect(records.map(({ seq }) => seq)).toEqual(records.map((_, index) => index));
    expect(records.at(-1)).toMatchObject({ event: 'session_ended' });
    expect(records).toHaveLength((await cli.stack.records(id)).length);
    expect((await cli.run('watch', id)).out.trimEnd().split('\n')).toHaveLength(records.length);
  });

  test('a session that there is not is exit code 2', async () => {
    for (const command of [
      ['show'],
      ['watch'],
      ['cancel'],
      ['audit', 'export'],
      ['audit', 'export', '--from', 'history'],
    ]) {
      const { code, out, err } = await cli.run(...command, 'no-such-session');
      expect({ command, code, out }).toEqual({ command, code: 2, out: '' });
      expect(err).toMatch(/no session no-such-session\.\n$/);
    }
  });
});

describe('cancel', () => {
  test('shows as Canceled in Temporal, with its reason, and watch ends with 1', async () => {
    const { id } = await cli.begin('Wait.');
    await cli.untilHanging(id);
    const watching = runAegrail(['watch', id], { cwd: cli.stack.dir });
    await watching.lineOf(/tool_admitted/);
    expect(await cli.run('cancel', id, '--reason', 'asked for', '--json')).toEqual({
      code: 0,
      out: `{"sessionId":"${id}","requested":true,"state":"running"}\n`,
      err: '',
    });
    expect(await watching.end).toMatchObject({ code: 1, err: 'cancelled\n' });
    const described = await cli.stack.aegrail.session(id).describe();
    expect(described.status.name).toBe('CANCELLED');
    const { events } = await cli.stack.aegrail.session(id).handle.fetchHistory();
    const request = events?.find(({ workflowExecutionCancelRequestedEventAttributes: found }) => found);
    expect(request?.workflowExecutionCancelRequestedEventAttributes?.cause).toBe('asked for');
    expect(await cli.run('cancel', id)).toMatchObject({ code: 0, out: `${id} is over already: cancelled\n` });
  });

  test('end of what is no conversation says what is so, and leaves it running', async () => {
    const { id } = await cli.begin('Wait.');
    await cli.untilHanging(id);
    const says = `The session ${id} is no conversation: it ends by itself, with its answer. To stop it: aegrail cancel ${id}`;
    expect(await cli.run('end', id)).toEqual({ code: 1, out: '', err: `aegrail: ${says}\n` });
    expect(JSON.parse((await cli.run('end', id, '--json')).err)).toEqual({
      error: { code: 'END_REFUSED', message: says },
    });
    expect((await cli.stack.aegrail.session(id).describe()).status.name).toBe('RUNNING');
    await cli.run('cancel', id);
    await cli.stack.aegrail.session(id).result();
  });

  test('an answer can not be taken back', async () => {
    const { id } = await cli.begin('Hello.', '--wait');
    expect(await cli.run('cancel', id, '--json')).toEqual({
      code: 1,
      out: `{"sessionId":"${id}","requested":false,"state":"answered"}\n`,
      err: '',
    });
  });

  test('a workflow that is no session is left alone', async () => {
    const workflowId = `other-${crypto.randomUUID()}`;
    const handle = await cli.stack.client.workflow.start('somethingElse', {
      taskQueue: 'nobody-polls-this',
      workflowId,
    });
    expect(await cli.run('cancel', workflowId)).toMatchObject({
      code: 2,
      err: expect.stringContaining('is no session') as string,
    });
    expect((await handle.describe()).status.name).toBe('RUNNING');
    await handle.terminate();
  });
});

describe('audit', () => {
  test('what the store exports is what the history gives, byte for byte, and it verifies', async () => {
    const { id } = await cli.begin('Hello.', '--wait');
    const store = await cli.run('audit', 'export', id, '--format', 'jsonl');
    expect(store).toMatchObject({ code: 0, err: '' });
    const history = await cli.runProcess('audit', 'export', id, '--from', 'history', '-o', 'history.jsonl');
    expect(history).toMatchObject({ code: 0, out: '' });
    expect(readFileSync(join(cli.stack.dir, 'history.jsonl'), 'utf8')).toBe(store.out);
    expect(await cli.run('audit', 'verify', 'history.jsonl')).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^history\.jsonl: \d+ records of 1 session, nothing wrong was found;/) as string,
    });
    const piped = await aegrailProcess(['audit', 'verify', '-', '--json'], { input: store.out });
    expect(piped).toMatchObject({ code: 0, err: '' });
    expect(JSON.parse(piped.out)).toMatchObject({ ok: true, sessions: [{ session_id: id, ended: true }] });
  });

  test('verify names the line that was changed', async () => {
    const { id } = await cli.begin('Hello.', '--wait');
    const { out } = await cli.run('audit', 'export', id, '--format', 'jsonl');
    const lines = out.split('\n');
    lines[4] = (lines[4] ?? '').replace('wipe', 'wine');
    const broken = lines.join('\n');
    expect(broken).not.toBe(out);
    writeFileSync(join(cli.stack.dir, 'broken.jsonl'), broken);
    const text = await cli.run('audit', 'verify', 'broken.jsonl');
    expect(text).toMatchObject({
      code: 1,
      out: expect.stringMatching(/^broken\.jsonl:5: hash_mismatch: .*changed/) as string,
      err: '',
    });
    const json = await aegrailProcess(['audit', 'verify', '-', '--json'], { input: broken });
    expect(json).toMatchObject({ code: 1, err: '' });
    expect(JSON.parse(json.out)).toMatchObject({
      ok: false,
      integrity: { status: 'bad', findings: [{ line: 5, fault: 'hash_mismatch' }] },
    });
    const cut = await aegrailProcess(['audit', 'verify', '-'], { input: out.slice(0, -1) });
    expect(cut).toMatchObject({ code: 1, out: expect.stringContaining('no newline') as string });
  });

  test('a store that is not there is not made', async () => {
    writeFileSync(
      join(cli.stack.dir, 'other.json'),
      JSON.stringify({ ...botConfig({}), store: 'sqlite:none/none.db' }),
    );
    expect(await cli.run('audit', 'export', 'x', '--config', 'other.json')).toMatchObject({
      code: 2,
      err: expect.stringContaining('is not there') as string,
    });
  });
});
