import { randomUUID } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { AegrailError } from '../../src/core/errors.ts';
import type { AuditRecord } from '../../src/core/record.ts';
import { wireLimits } from '../../src/core/session-state.ts';
import { sequence } from '../../src/model-endpoint/index.ts';
import { type Authorization, signAuthorization } from '../../src/signing/authorization.ts';
import { generateSkey, parseSkey } from '../../src/signing/key.ts';
import { createAuthority } from '../../activities/authority.ts';
import { aegrail, type End } from '../cli/kit.ts';
import { botConfig, type Stack, startStack, toolsModule } from '../harness/stack.ts';

const key = parseSkey(generateSkey('contracts.example.com'));
/** The key that the command line signs with. */
const skey = generateSkey('contracts.example.com');
const stranger = parseSkey(generateSkey('contracts.example.com'));
const TOOLS = toolsModule(`
export const look = defineTool({ description: 'Looks.', input: z.object({}), execute: () => 'seen' });`);

let stack: Stack;
beforeAll(async () => {
  stack = await startStack({
    files: { 'tools.ts': TOOLS },
    script: sequence([{ call: [{ tool: 'look', args: {} }] }, { say: 'Seen.' }]),
    config: botConfig({ tools: { look: { module: './tools.ts' } } }, { trustedContractKeys: [key.verifier.vkey] }),
  });
});
afterAll(() => stack.close());

const USER = 'ann@acme.com';

function authorization(change: Partial<Authorization> = {}): Authorization {
  return {
    v: 1,
    agent_identity: 'bot/v1',
    contract_sha256: stack.worker.contracts[0]?.sha256 ?? '',
    user: null,
    session_id: null,
    limits: null,
    not_after: null,
    ...change,
  };
}

const signed = (change: Partial<Authorization> = {}): string => signAuthorization(authorization(change), key);

describe('a session that somebody who is trusted signed', () => {
  test('runs, and its first record holds what was signed', async () => {
    const note = signed({ user: USER, not_after: '2999-01-01T00:00:00.000Z', limits: { usd: 0.5 } });
    const session = await stack.start({ authorization: note });
    expect(await session.result()).toMatchObject({ outcome: 'answered', limits: { usd: 0.5 } });
    const [first] = await stack.records(session.id);
    expect(first).toMatchObject({ event: 'session_started', payload: { authorization: note, limits: { usd: 0.5 } } });
  });

  test('may lower what was signed, and not raise it', async () => {
    const note = signed({ limits: { usd: 0.5 } });
    const session = await stack.start({ authorization: note, limits: { usd: 0.6 } });
    await expect(session.result()).rejects.toMatchObject({ code: 'LIMIT_ABOVE_CONTRACT' });
  });

  test('may be started where only its id may', async () => {
    const id = `signed-${randomUUID()}`;
    const session = await stack.start({ session: id, authorization: signed({ session_id: id }) });
    expect(await session.result()).toMatchObject({ outcome: 'answered' });
  });
});

describe('a session that nobody who is trusted signed', () => {
  test.each<[string, () => string | undefined, RegExp]>([
    ['nothing at all', () => undefined, /without an authorization/],
    ['something else', () => 'let me in', /no signed note/],
    ["a stranger's signature", () => signAuthorization(authorization(), stranger), /none of the trusted keys/],
    [
      'a changed text',
      () => signed({ user: USER }).replace('"user":"ann@acme.com"', '"user":null'),
      /none of the trusted keys/,
    ],
    ['one for another agent', () => signed({ agent_identity: 'boss/v1' }), /it is for boss/],
    ['one for another contract', () => signed({ contract_sha256: 'a'.repeat(64) }), /sign it again/],
    ['one for another user', () => signed({ user: 'bob@acme.com' }), /another user/],
    ['one for another session', () => signed({ session_id: 'another' }), /another session/],
    ['one that has expired', () => signed({ not_after: '2020-01-01T00:00:00.000Z' }), /expired/],
    ['one with limits above the contract', () => signed({ limits: { usd: 5 } }), /above the contract/],
    ['one of a form that is not known', () => signed({ v: 2 as 1 }), /v is missing, or not/],
    [
      'one with a member more',
      () => signAuthorization({ ...authorization(), admin: true } as Authorization, key),
      /not known/,
    ],
  ])('with %s does not start', async (_what, note, says) => {
    const billed = stack.endpoint.calls.length;
    const text = note();
    const session = await stack.aegrail.start({
      agent: 'bot',
      user: USER,
      input: 'Hello.',
      ...(text === undefined ? {} : { authorization: text }),
    });
    const failed = await session.result().then(
      () => null,
      (thrown: unknown) => thrown,
    );
    expect(failed).toBeInstanceOf(AegrailError);
    expect((failed as AegrailError).message).toMatch(says);
    expect(stack.endpoint.calls).toHaveLength(billed);
    expect(await stack.records(session.id)).toEqual([]);
  });
});

describe('a log that was forged in Temporal, past openSession', () => {
  const problem = (
    change: (first: Extract<AuditRecord, { event: 'session_started' }>) => AuditRecord,
  ): string | null => {
    const pinned = stack.worker.contracts[0];
    if (!pinned) throw new Error('no contract');
    const first = {
      v: 1,
      ts: '2026-01-31T12:00:00.000Z',
      seq: 0,
      session_id: 's',
      run_id: 'r',
      event_id: 3,
      agent_identity: 'bot/v1',
      invoking_user: USER,
      principal: 'bot/v1@sess_1_0',
      event: 'session_started',
      payload: {
        contract_sha256: pinned.sha256,
        limits: wireLimits(pinned.contract.limits),
        authorization: signed({ user: USER }),
      },
    } as unknown as Extract<AuditRecord, { event: 'session_started' }>;
    return createAuthority([key.verifier.vkey]).problemOf(change(first), pinned.contract);
  };

  test('a right one has no problem: else the others would prove nothing', () => {
    expect(problem((first) => first)).toBeNull();
  });

  test.each<[string, Parameters<typeof problem>[0], RegExp]>([
    [
      'no authorization',
      (first) => ({ ...first, payload: { ...first.payload, authorization: null } }),
      /no authorization/,
    ],
    ['another user', (first) => ({ ...first, invoking_user: 'eve' }), /another user/],
    ['another agent', (first) => ({ ...first, agent_identity: 'boss/v1' }), /it is for bot/],
    [
      'a larger budget',
      (first) => ({ ...first, payload: { ...first.payload, limits: { ...first.payload.limits, usd: 2 } } }),
      /limits are above/,
    ],
    [
      'no budget at all',
      (first) => ({ ...first, payload: { ...first.payload, limits: { ...first.payload.limits, usd: null } } }),
      /limits are above/,
    ],
    [
      'another beginning',
      (first) => ({ ...first, event: 'cancel_requested', payload: { in_flight: 0 } }),
      /does not begin/,
    ],
  ])('with %s is refused', (_what, change, says) => {
    expect(problem(change)).toMatch(says);
  });
});

describe('the command line', () => {
  const run = (...args: string[]): Promise<End> => aegrail(args, { cwd: stack.dir });

  test('signs, verifies, and starts', async () => {
    await writeFile(join(stack.dir, 'contracts.skey'), `${skey}\n`, { mode: 0o600 });
    const sign = await run(
      'contract',
      'sign',
      'bot',
      '--key',
      'contracts.skey',
      '--user',
      USER,
      '--expires',
      '1h',
      '-o',
      'ann.note',
    );
    expect(sign).toMatchObject({ code: 0, out: '' });
    const vkey = parseSkey(skey).verifier.vkey;
    const verify = await run('contract', 'verify', 'ann.note', '--key', vkey);
    expect(verify).toMatchObject({
      code: 0,
      out: expect.stringMatching(/ann\.note: good, bot\/v1, .* for ann@acme\.com/) as string,
    });
    // The stack's worker trusts another key.
    expect(await run('contract', 'verify', 'ann.note')).toMatchObject({
      code: 1,
      out: expect.stringMatching(/none of the trusted keys/) as string,
    });
    await writeFile(join(stack.dir, 'right.note'), signed({ user: USER }));
    const started = await run(
      'start',
      'bot',
      '--user',
      USER,
      '--input',
      'Hello.',
      '--authorization',
      'right.note',
      '--wait',
    );
    expect(started).toMatchObject({ code: 0, out: 'Seen.\n' });
  });

  test('says what is wrong with a file that is none', async () => {
    await writeFile(join(stack.dir, 'none.note'), 'nothing');
    expect(await run('contract', 'verify', 'none.note', '--json')).toMatchObject({
      code: 1,
      out: expect.stringMatching(/"ok":false/) as string,
    });
    expect(await run('contract', 'verify', 'missing.note')).toMatchObject({ code: 2, out: '' });
    expect(await run('contract', 'sign', 'nobody', '--key', 'contracts.skey')).toMatchObject({
      code: 2,
      err: expect.stringMatching(/no agent "nobody"/) as string,
    });
  });
});
