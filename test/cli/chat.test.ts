import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Turn } from '../../src/model-endpoint/index.ts';
import { checkSession } from '../harness/check-session.ts';
import { botConfig, type Stack, startStack, toolsModule } from '../harness/stack.ts';
import { aegrailProcess, aegrail, jsonLines, type Running, runAegrail } from './kit.ts';

const TOOLS = toolsModule(`
export const refund = defineTool({ description: 'Pays.', input: z.object({ sum: z.number() }), execute: () => 'paid' });
export const look = defineTool({ description: 'Looks.', input: z.object({}), execute: () => 'seen' });`);

let stack: Stack;
const begun = new Set<string>();

beforeAll(async () => {
  const bot = botConfig({
    tools: { refund: { module: './tools.ts', approval: true }, look: { module: './tools.ts' } },
    limits: { usd: 1, maxToolCalls: 2, wallSeconds: 600 },
  }).agents['bot']!;
  stack = await startStack({
    files: { 'tools.ts': TOOLS },
    config: { agents: { bot: { ...bot, budget: { onExceeded: 'ask', softLimit: 0 } }, strict: bot } },
    script: ({ lastUserText, lastToolResults, messages }: Turn) => {
      if (lastUserText === 'refund' && lastToolResults.length === 0)
        return { call: [{ tool: 'refund', args: { sum: 5 } }] };
      if (lastUserText.startsWith('look') && lastToolResults.length < Number(lastUserText.split(' ')[1]))
        return { call: Array.from({ length: 3 }, () => ({ tool: 'look', args: {} })) };
      const said = messages.filter(({ role }) => role === 'user').map(({ text }) => text);
      return { say: `heard: ${said.join(' | ')}` };
    },
  });
});
afterAll(async () => {
  for (const id of begun) await checkSession(stack.client, id, await stack.records(id));
  await stack.close();
});

function args(...more: string[]): string[] {
  return ['start', 'bot', '--user', 'ann@acme.com', '--interactive', ...more];
}

function newId(): string {
  const id = `chat-${crypto.randomUUID()}`;
  begun.add(id);
  return id;
}

/** A chat that is written to as a person would. */
function open(id: string, ...more: string[]): Running & { say(line: string): void } {
  const running = runAegrail(args('--session', id, ...more), { cwd: stack.dir }, 'pipe');
  return { ...running, say: (line) => void running.child.stdin?.write(`${line}\n`) };
}

describe('aegrail start --interactive', () => {
  test('through a pipe: one line is one message, the answers are stdout, and its end ends the session', async () => {
    const id = newId();
    const input = 'one\r\n\n  \ntwo\nthree';
    const { code, out, err } = await aegrailProcess(args('--session', id), { cwd: stack.dir, input });
    expect({ code, out }).toEqual({ code: 0, out: 'heard: one\nheard: one | two\nheard: one | two | three\n' });
    expect(err).toContain(`session ${id}\n`);
    expect(err).toMatch(/ended: \d\S* USD used/);
    expect((await stack.records(id)).at(-1)).toMatchObject({
      event: 'session_ended',
      payload: { outcome: 'answered' },
    });
  });

  test('--json: a line for each answer; /end ends it before the input does; --input is said first', async () => {
    const id = newId();
    const input = 'two\n/end\nnever said\n';
    const { code, out } = await aegrailProcess(args('--session', id, '--input', 'one', '--json'), {
      cwd: stack.dir,
      input,
    });
    expect(code).toBe(0);
    expect(jsonLines(out)).toMatchObject([
      { sessionId: id, messageId: 'aegrail:first', outcome: 'answered', answer: 'heard: one' },
      { sessionId: id, outcome: 'answered', answer: 'heard: one | two', budget: { tool_calls: 0 } },
    ]);
  });

  test('Ctrl-C leaves it running and says how to come back; whoever comes back goes on with it', async () => {
    const id = newId();
    const first = open(id);
    first.say('one');
    await first.lineOf(/^heard: one$/);
    first.child.kill('SIGINT');
    const left = await first.end;
    expect(left.code).toBe(130);
    expect(left.err).toContain(`aegrail start bot --user ann@acme.com --session ${id} --interactive`);
    expect(left.err).toContain(`aegrail send ${id} TEXT`);
    expect(await stack.aegrail.session(id).view()).toMatchObject({ phase: 'idle', result: null });

    const others = await aegrail(['start', 'bot', '--user', 'eve', '--interactive', '--session', id], {
      cwd: stack.dir,
    });
    expect(others).toMatchObject({ code: 2, out: '', err: expect.stringContaining('for another user') as string });
    const second = await aegrailProcess(args('--session', id), { cwd: stack.dir, input: 'two\n' });
    expect(second).toMatchObject({ code: 0, out: 'heard: one | two\n' });
    const third = await aegrailProcess(args('--session', id), { cwd: stack.dir, input: 'three\n' });
    expect(third).toMatchObject({ code: 1, out: '', err: expect.stringContaining('has ended: answered') as string });
  });

  test('says that an approval or a larger budget is waited for, and with which command', async () => {
    const id = newId();
    const running = open(id);
    const errs: string[] = [];
    running.child.stderr?.on('data', (chunk: Buffer) => errs.push(chunk.toString()));
    const told = (text: string): Promise<void> => expect.poll(() => errs.join('')).toContain(text);
    running.say('refund');
    const session = stack.aegrail.session(id);
    const phase = expect.poll(async () => (await session.view().catch(() => null))?.phase);
    await phase.toBe('approval');
    const [approval] = (await session.view()).approvals;
    await told(`aegrail approve ${id} ${approval!.request} --by WHO`);
    await session.decide({ request: approval!.request, digest: approval!.digest, decision: 'approve', by: 'bob' });
    await running.lineOf(/^heard: refund$/);
    running.say('look 3');
    await told(`aegrail topup ${id} --usd 1 --by WHO`);
    await session.topUp({ maxToolCalls: 5, by: 'bob' });
    await running.lineOf(/^heard: refund \| look 3$/);
    await session.pause({ by: 'bob' });
    running.say('on');
    await told(`paused by bob: aegrail resume ${id} --by WHO`);
    await session.resume({ by: 'bob' });
    await running.lineOf(/on$/);
    running.child.stdin?.end();
    expect(await running.end).toMatchObject({ code: 0 });
    expect(errs.join('').match(/aegrail approve/g)).toHaveLength(1);
  });

  test('a session that is killed or cancelled meanwhile ends the chat with 1', async () => {
    const strict = ['start', 'strict', '--user', 'ann', '--interactive', '--session', newId(), '--tokens', '5'];
    const killed = await aegrailProcess(strict, { cwd: stack.dir, input: 'one\ntwo\n' });
    expect(killed).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringContaining('killed by reason=tokens: ') as string,
    });
    const id = newId();
    const running = open(id);
    running.say('one');
    await running.lineOf(/^heard: one$/);
    await stack.aegrail.session(id).cancel();
    await stack.aegrail.session(id).result();
    running.say('two');
    const { code, err } = await running.end;
    expect(code).toBe(1);
    expect(err).toContain('cancelled');
  });

  test('what can not be said is told, and the chat goes on', async () => {
    const id = newId();
    const input = `one\n${'x'.repeat(300_000)}\ntwo\n`;
    const { code, out, err } = await aegrailProcess(args('--session', id), { cwd: stack.dir, input });
    expect({ code, out }).toEqual({ code: 1, out: 'heard: one\nheard: one | two\n' });
    expect(err).toMatch(/text has 300002 bytes/);
  });

  test('what is no text ends the chat, and leaves the session', async () => {
    const id = newId();
    const input = Buffer.concat([Buffer.from('one\n'), Buffer.from([0xff, 0xfe, 0x0a])]);
    const { code, out, err } = await aegrailProcess(args('--session', id), { cwd: stack.dir, input });
    expect({ code, out }).toEqual({ code: 2, out: 'heard: one\n' });
    expect(err).toContain('not UTF-8');
    expect(await stack.aegrail.session(id).view()).toMatchObject({ phase: 'idle' });
    await stack.aegrail.session(id).end();
    await stack.aegrail.session(id).result();
  });

  test('nothing said starts nothing; an agent that is not there is said so', async () => {
    const id = `chat-${crypto.randomUUID()}`;
    expect(await aegrailProcess(args('--session', id), { cwd: stack.dir, input: '\n' })).toMatchObject({
      code: 0,
      out: '',
      err: expect.stringContaining('no session was started') as string,
    });
    await expect(stack.aegrail.session(id).describe()).rejects.toMatchObject({ code: 'SESSION_UNKNOWN' });
    const nobody = ['start', 'nobody', '--user', 'ann', '--interactive'];
    expect(await aegrailProcess(nobody, { cwd: stack.dir, input: 'one\n' })).toMatchObject({
      code: 2,
      out: '',
      err: expect.stringContaining('There is no agent "nobody" here') as string,
    });
  });

  test('a session that is no conversation is not talked with', async () => {
    const session = await stack.start({ input: 'refund' });
    const { code, err } = await aegrailProcess(args('--session', session.id), { cwd: stack.dir, input: 'one\n' });
    expect(code).toBe(1);
    expect(err).toContain('was not started as a conversation');
    await session.cancel();
    await session.result();
  });
});
