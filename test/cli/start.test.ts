import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CliStack, startCliStack } from './cli-stack.ts';
import { aegrailProcess, aegrail, jsonLines, runAegrail } from './kit.ts';

let cli: CliStack;

beforeAll(async () => {
  cli = await startCliStack();
});

afterAll(() => cli.close());

describe('start', () => {
  test('prints the id alone, and the same --session twice is one session', async () => {
    const { id, end } = await cli.begin('Hello.');
    expect(end).toEqual({ code: 0, out: `${id}\n`, err: '' });
    const again = ['--input', 'Again.', '--session', id, '--json'];
    expect(await cli.run('start', 'bot', '--user', 'ann@acme.com', ...again)).toEqual({
      code: 0,
      out: `{"sessionId":"${id}"}\n`,
      err: '',
    });
    // Nobody is handed the answer that was meant for somebody else.
    const others = await cli.run('start', 'bot', '--user', 'bob', ...again);
    expect(others).toMatchObject({ code: 2, out: '', err: expect.stringContaining('SESSION_ID_USED') as string });
    const ids = await Array.fromAsync(cli.stack.client.workflow.list({ query: `WorkflowId="${id}"` }));
    expect(ids.length).toBeLessThanOrEqual(1);
    expect(await cli.stack.aegrail.session(id).result()).toMatchObject({
      outcome: 'answered',
      answer: 'It is on its way.',
    });
  });

  test('--wait prints the answer, with --json the result', async () => {
    expect((await cli.begin('Hello.', '--wait')).end).toEqual({ code: 0, out: 'It is on its way.\n', err: '' });
    const { id, end } = await cli.begin('Hello.', '--wait', '--json');
    expect(end).toMatchObject({ code: 0, err: '' });
    expect(jsonLines(end.out)).toMatchObject([{ sessionId: id, outcome: 'answered', answer: 'It is on its way.' }]);
  });

  test('reads the first message from stdin and from a file', async () => {
    const args = ['start', 'bot', '--user', 'ann', '--wait', '--json', '--input-file'];
    writeFileSync(join(cli.stack.dir, 'message.txt'), 'Hello.');
    for (const end of [
      await aegrailProcess([...args, '-'], { cwd: cli.stack.dir, input: 'Hello.' }),
      await cli.run(...args, 'message.txt'),
    ]) {
      expect(end.code).toBe(0);
      const [{ sessionId }] = jsonLines(end.out) as [{ sessionId: string }];
      const first = await cli.stack.store.record(sessionId, 0);
      expect(first?.payload).toMatchObject({ input: { bytes: 6 } });
    }
  });

  test('a killed session is exit code 1, by whatever limit', async () => {
    const calls = await cli.begin('Loop.', '--wait', '--max-tool-calls', '2');
    expect(calls.end).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringMatching(/^killed by reason=max_tool_calls: .*\n$/) as string,
    });
    const usd = await cli.begin('Hello.', '--wait', '--usd', '0.000001');
    expect(usd.end).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringContaining('killed by reason=usd: ') as string,
    });
    const failing = await cli.begin('Hello.', '--wait', '--tokens', '5', '--fail-on-kill', '--json');
    expect(failing.end).toMatchObject({ code: 1, err: '' });
    expect(jsonLines(failing.end.out)).toMatchObject([{ outcome: 'killed', reason: 'tokens' }]);
  });

  test('limits above the contract, an agent that there is not, and a wrong version are exit code 2', async () => {
    expect((await cli.begin('Hello.', '--wait', '--usd', '5')).end).toMatchObject({
      code: 2,
      err: expect.stringContaining("limits.usd is 5, above the contract's 1") as string,
    });
    expect((await cli.begin('Hello.', '--wait', '--agent-version', 'v9')).end).toMatchObject({
      code: 2,
      err: expect.stringContaining('at version v1 here, and v9') as string,
    });
    const unknown = await cli.run('start', 'nobody', '--user', 'ann', '--input', 'x', '--wait', '--json');
    expect(unknown).toMatchObject({ code: 2, out: '' });
    expect(JSON.parse(unknown.err)).toMatchObject({ error: { code: 'AGENT_UNKNOWN' } });
    const refused = ['start', 'bot', '--user', 'ann', '--input', 'x'];
    expect(await cli.run(...refused, '--usd=-1')).toMatchObject({
      code: 2,
      err: expect.stringContaining('limits.usd') as string,
    });
    expect(await cli.run(...refused, '--tokens', '1.5')).toMatchObject({
      code: 2,
      err: expect.stringContaining('whole number') as string,
    });
  });

  test('Ctrl-C stops waiting, not the session', async () => {
    const id = `cli-${crypto.randomUUID()}`;
    const waiting = runAegrail(['start', 'bot', '--user', 'ann', '--input', 'Wait.', '--session', id, '--wait'], {
      cwd: cli.stack.dir,
    });
    await cli.untilHanging(id);
    waiting.child.kill('SIGINT');
    const { code, err } = await waiting.end;
    expect(code).toBe(130);
    expect(err).toContain(`aegrail watch ${id}`);
    expect((await cli.stack.aegrail.session(id).describe()).status.name).toBe('RUNNING');
    await cli.stack.aegrail.session(id).cancel();
    await cli.stack.aegrail.session(id).result();
  });

  test('says that it waits for a worker', async () => {
    const waiting = runAegrail([
      'start',
      'bot',
      '--user',
      'ann',
      '--input',
      'x',
      '--task-queue',
      'nobody-polls-this',
      '--wait',
      '--json',
    ]);
    let err = '';
    await new Promise<void>((done) =>
      waiting.child.stderr?.on('data', (chunk: Buffer) => {
        err += chunk.toString();
        if (err.includes('\n')) done();
      }),
    );
    expect(err).toContain('waiting for a worker');
    waiting.child.kill('SIGINT');
    expect((await waiting.end).code).toBe(130);
  });

  test.each([
    ['topup', 'a top-up', ['--usd', '1', '--by', 'bob']],
    ['approvals', 'a list of requests', []],
    ['send', 'a message', ['Hello?']],
  ])('%s: so does %s', async (command, _what, more) => {
    const id = `nobody-${crypto.randomUUID()}`;
    const start = ['start', 'bot', '--user', 'ann', '--input', 'x', '--conversation', '--session', id];
    expect(await aegrail([...start, '--task-queue', 'nobody-polls-this'])).toMatchObject({ code: 0 });
    const waiting = runAegrail([command, id, ...more]);
    const said = await new Promise<string>((done) =>
      waiting.child.stderr?.on('data', (chunk: Buffer) => done(chunk.toString())),
    );
    expect(said).toMatch(command === 'send' ? /waiting for its answer .*--message-id \S{36} / : /waiting for a worker/);
    waiting.child.kill('SIGINT');
    await waiting.end;
    await cli.stack.client.workflow.getHandle(id).terminate();
  });
});
