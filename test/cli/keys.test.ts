import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parseEntry } from '../../src/signing/entry.ts';
import { generateSkey, parseSkey, parseVkey } from '../../src/signing/key.ts';
import { openKeyring } from '../../src/signing/keyring.ts';
import { openStore } from '../../src/store/open.ts';
import { cosign } from '../../src/witness/client.ts';
import { testLog } from '../witness/kit.ts';
import { aegrail, BIN, type End, folder, jsonLines, runAegrail } from './kit.ts';

const ORIGIN = 'example.com/aegrail';
const CONTRACT = 'agents:\n  bot:\n    model: openai/gpt-5.4-mini\n    limits: { tokens: 1000 }\n';

/** A folder with the contract file and what `keys new` said to put into it. */
async function withKeys(cwd = folder()): Promise<{ cwd: string; vkey: string; made: End }> {
  const made = await aegrail(['keys', 'new', '--origin', ORIGIN], { cwd });
  const lines = made.err.split('\n');
  writeFileSync(join(cwd, 'aegrail.yaml'), CONTRACT + lines.slice(lines.indexOf('signing:')).join('\n'));
  return { cwd, vkey: made.out.trimEnd(), made };
}

/** Everything secret that files of a folder hold. */
function secretsIn(dir: string): string[] {
  const files = readdirSync(dir).filter((name) => name.endsWith('.skey'));
  return files.map((name) => readFileSync(join(dir, name), 'utf8').trimEnd().split('+').slice(4).join('+'));
}

describe('keys new', () => {
  test('prints the verifier key alone, and what the contract file needs, which then works', async () => {
    const { cwd, vkey, made } = await withKeys();
    expect(made.code).toBe(0);
    expect(made.out).toBe(`${vkey}\n`);
    expect(made.err).toContain(`signing:\n  origin: ${ORIGIN}\n  keys: ./keys\n`);
    expect(openKeyring({ origin: ORIGIN, keys: './keys' }, cwd, {}).active().verifier.vkey).toBe(vkey);
    const [file = ''] = readdirSync(join(cwd, 'keys')).filter((name) => name.endsWith('.skey'));
    expect(statSync(join(cwd, 'keys', file)).mode & 0o777).toBe(0o600);
    const listed = await aegrail(['keys', 'list', '--json'], { cwd });
    expect(jsonLines(listed.out)).toMatchObject([{ vkey, state: 'active', revoked: null }]);
  });

  test("takes the contract file's signing block", async () => {
    const cwd = folder({ 'aegrail.yaml': `${CONTRACT}signing: { origin: acme.com/log, keys: secret/keys }\n` });
    const { code, out, err } = await aegrail(['keys', 'new', '--json'], { cwd });
    expect({ code, err }).toEqual({ code: 0, err: expect.not.stringContaining('signing:') });
    const [made] = jsonLines(out) as [{ vkey: string; file: string }];
    expect(parseVkey(made.vkey).name).toBe('acme.com/log');
    expect(made.file.startsWith(join(cwd, 'secret/keys'))).toBe(true);
  });

  test('overwrites nothing', async () => {
    const { cwd } = await withKeys();
    const before = readdirSync(join(cwd, 'keys')).map((name) => readFileSync(join(cwd, 'keys', name), 'utf8'));
    const { code, out, err } = await aegrail(['keys', 'new', '--origin', ORIGIN], { cwd });
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain('nothing is overwritten');
    expect(readdirSync(join(cwd, 'keys')).map((name) => readFileSync(join(cwd, 'keys', name), 'utf8'))).toEqual(before);
  });

  test('needs a name, and a good one', async () => {
    const none = await aegrail(['keys', 'new'], { cwd: folder() });
    expect({ code: none.code, out: none.out }).toEqual({ code: 2, out: '' });
    expect(none.err).toContain('--origin example.com/aegrail');
    const cwd = folder();
    const bad = await aegrail(['keys', 'new', '--origin', 'a b'], { cwd });
    expect(bad.code).toBe(2);
    expect(bad.err).toContain('is no name for a key');
    expect(secretsIn(join(cwd, 'keys'))).toEqual([]);
  });

  test('a folder that can not be written is said in words', async () => {
    const cwd = folder({ keys: 'a file' });
    const { code, err } = await aegrail(['keys', 'new', '--origin', ORIGIN], { cwd });
    expect(code).toBe(2);
    expect(err).toMatch(/^aegrail: the keys in .* can not be written: /);
  });
});

describe('keys rotate and revoke', () => {
  test('a rotation, a revocation, and a list that tells of both', async () => {
    const { cwd, vkey } = await withKeys();
    const rotated = await aegrail(['keys', 'rotate'], { cwd });
    expect(rotated.code).toBe(0);
    const old = parseVkey(vkey);
    const revoked = await aegrail(['keys', 'revoke', old.id, '--reason', 'laptop stolen'], { cwd });
    expect({ code: revoked.code, out: revoked.out }).toEqual({ code: 0, out: `revoked ${old.id}\n` });
    const json = await aegrail(['keys', 'list', '--json'], { cwd });
    expect(jsonLines(json.out)).toMatchObject([
      { vkey, state: 'revoked', revoked: { reason: 'laptop stolen' } },
      { vkey: rotated.out.trimEnd(), state: 'active', revoked: null },
    ]);
    const text = await aegrail(['keys', 'list', '--dir', 'keys'], { cwd });
    expect(text.out).toMatch(/revoked \(.*: laptop stolen\)\n.*active\n$/);
    const secrets = secretsIn(join(cwd, 'keys'));
    expect(secrets).toHaveLength(2);
    for (const secret of secrets) {
      for (const { out, err } of [rotated, revoked, json, text]) expect(out + err).not.toContain(secret);
    }
  });

  test('the active key is not revoked', async () => {
    const { cwd, vkey } = await withKeys();
    const { code, out, err } = await aegrail(['keys', 'revoke', parseVkey(vkey).hash, '--reason', 'x'], { cwd });
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain('rotate first');
  });

  test.each([
    [['keys', 'revoke', 'ffffffff', '--reason', 'x'], 'there is no key ffffffff'],
    [['keys', 'revoke', 'ffffffff'], '--reason'],
    [['keys', 'revoke', 'ffffffff', '--reason', ' '], '1 to 2000 characters'],
    [['keys', 'list', '--dir', 'none'], '"aegrail keys new" makes it'],
    [['keys', 'rotate', '--dir', 'none'], '"aegrail keys new" makes it'],
  ])('%j is exit code 2 and one line', async (args, says) => {
    const { cwd } = await withKeys();
    const { code, out, err } = await aegrail(args, { cwd });
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain(says);
    expect(err.trimEnd().split('\n')).toHaveLength(1);
  });

  test('a key file that others can read is refused, and the sentence says how to mend it', async () => {
    const { cwd } = await withKeys();
    const [file = ''] = readdirSync(join(cwd, 'keys')).filter((name) => name.endsWith('.skey'));
    const path = join(cwd, 'keys', file);
    chmodSync(path, 0o644);
    const { code, err } = await aegrail(['keys', 'rotate'], { cwd });
    expect(code).toBe(2);
    expect(err).toContain(`chmod 600 ${path}`);
    expect(secretsIn(join(cwd, 'keys'))).toHaveLength(1);
    chmodSync(path, 0o600);
    expect((await aegrail(['keys', 'rotate'], { cwd })).code).toBe(0);
  });
});

describe('a key in the environment', () => {
  const [first, second] = [generateSkey(ORIGIN), generateSkey(ORIGIN)];
  const [firstKey, secondKey] = [parseSkey(first).verifier, parseSkey(second).verifier];
  const config = { 'aegrail.yaml': `${CONTRACT}signing: { origin: ${ORIGIN}, keyEnv: SIGNING_KEY }\n` };

  test('is listed, and its rotation is explained', async () => {
    const cwd = folder(config);
    const env = { SIGNING_KEY: second, SIGNING_KEY_PREVIOUS: first };
    const listed = await aegrail(['keys', 'list', '--json'], { cwd, env });
    expect(jsonLines(listed.out)).toMatchObject([
      { vkey: firstKey.vkey, state: 'rotated', since: null },
      { vkey: secondKey.vkey, state: 'active', since: null },
    ]);
    expect(existsSync(join(cwd, '.aegrail'))).toBe(false);
    const rotate = await aegrail(['keys', 'rotate'], { cwd, env });
    expect(rotate.code).toBe(2);
    expect(rotate.err).toContain('_PREVIOUS');
    const missing = await aegrail(['keys', 'list'], { cwd });
    expect(missing.err).toContain('the environment variable SIGNING_KEY is not set');
  });

  test('is revoked in the log itself, once another is active', async () => {
    const cwd = folder(config);
    const revoke = ['keys', 'revoke', firstKey.id, '--reason', 'stolen'];
    const active = await aegrail(revoke, { cwd, env: { SIGNING_KEY: first } });
    expect({ code: active.code, err: active.err }).toEqual({ code: 2, err: expect.stringContaining('rotate first') });
    const env = { SIGNING_KEY: second, SIGNING_KEY_PREVIOUS: first };
    const done = await aegrail(revoke, { cwd, env });
    expect({ code: done.code, out: done.out }).toEqual({ code: 0, out: `revoked ${firstKey.id}\n` });
    const store = await openStore('sqlite:.aegrail/aegrail.db', cwd);
    const kinds: string[] = [];
    for await (const entry of store.tree.entries(0)) kinds.push(parseEntry(entry).kind);
    await store.close();
    expect(kinds).toEqual(['key_added', 'key_rotated', 'key_revoked']);
    expect((await aegrail(revoke, { cwd, env })).err).toContain('revoked already');
    const listed = await aegrail(['keys', 'list', '--json'], { cwd, env });
    const since = expect.stringMatching(/^\d{4}-/) as string;
    expect(jsonLines(listed.out)).toEqual([
      {
        vkey: firstKey.vkey,
        id: firstKey.id,
        since,
        state: 'revoked',
        revoked: { at: expect.stringMatching(/^\d{4}-/) as string, reason: 'stolen' },
      },
      { vkey: secondKey.vkey, id: secondKey.id, since, state: 'active', revoked: null },
    ]);
    // Also when the variable of the revoked one is gone, and a third key that the log does not know yet is active.
    const third = generateSkey(ORIGIN);
    const later = await aegrail(['keys', 'list'], {
      cwd,
      env: { SIGNING_KEY: third, SIGNING_KEY_PREVIOUS: second },
    });
    expect(later.out.trimEnd().split('\n').slice(1)).toEqual([
      expect.stringMatching(/ revoked \(.*: stolen\)$/),
      expect.stringMatching(/ rotated$/),
      expect.stringMatching(/ \? +active$/),
    ]);
  });
});

describe('a witness', () => {
  test('runs with a key of its own, cosigns, and ends with Ctrl-C', async () => {
    const cwd = folder();
    const made = await aegrail(['keys', 'new', '--witness', '--origin', 'witness.example/w1', '--dir', 'w'], { cwd });
    const key = made.out.trimEnd();
    const file = readdirSync(join(cwd, 'w')).find((name) => name.endsWith('.skey')) ?? '';
    expect(made.err).toContain(`aegrail witness --key w/${file}`);
    const log = testLog(ORIGIN);
    const trust = ['--trust', log.key.verifier.vkey, testLog('other.example/log').key.verifier.vkey];
    const args = ['witness', '--listen', '127.0.0.1:0', '--key', `w/${file}`, ...trust, '--state', 'state', '--json'];
    const witness = runAegrail(args, { cwd });
    const ready = JSON.parse(await witness.lineOf(/ready/)) as { url: string };
    expect(ready).toMatchObject({ event: 'ready', key, origins: [ORIGIN, 'other.example/log'] });
    const request = { oldSize: 0, proof: [], note: log.note(4), timeoutMs: 5_000 };
    expect(await cosign({ url: ready.url, key }, request)).toMatchObject({ ok: true });
    const second = await aegrail(args, { cwd });
    expect({ code: second.code, err: second.err }).toEqual({
      code: 2,
      err: expect.stringContaining('another witness'),
    });
    const port = ready.url.split(':').pop() ?? '';
    const elsewhere = args.map((arg) =>
      arg === '127.0.0.1:0' ? `127.0.0.1:${port}` : arg === 'state' ? 'other' : arg,
    );
    expect((await aegrail(elsewhere, { cwd })).err).toContain('can not be listened on');
    witness.child.kill('SIGINT');
    expect(await witness.end).toMatchObject({ code: 0, err: expect.stringContaining('stopping') });
    expect(existsSync(join(cwd, 'state'))).toBe(true);
  });

  test('says on stderr when it is ready', async () => {
    const cwd = folder({ 'w.skey': `${generateSkey('w.example/1', 'cosignature')}\n` });
    chmodSync(join(cwd, 'w.skey'), 0o600);
    const args = [
      'witness',
      '--listen',
      '127.0.0.1:0',
      '--key',
      'w.skey',
      '--state',
      's',
      '--trust',
      testLog(ORIGIN).key.verifier.vkey,
    ];
    const child = runAegrail(args, { cwd });
    const said = new Promise<string>((done) => {
      let err = '';
      child.child.stderr?.on('data', (chunk: Buffer) => {
        err += chunk.toString('utf8');
        if (err.includes('\n')) done(err);
      });
    });
    expect(await said).toMatch(/^ready: w\.example\/1\+[0-9a-f]{8}\+\S+ on http:\/\/127\.0\.0\.1:\d+ for example\.com/);
    child.child.kill('SIGTERM');
    expect(await child.end).toMatchObject({ code: 0, out: '' });
  });

  test.each([
    [['--listen', 'nowhere'], 'host:port'],
    [['--listen', '127.0.0.1:70000'], 'host:port'],
    [['--trust', 'x'], 'is no verifier key'],
    [['--key', 'none.skey'], 'is not there'],
    [['--key', 'log.skey'], "not a witness's"],
    [['--key', 'open.skey'], 'chmod 600'],
  ])('%j is exit code 2 and one line', async (given, says) => {
    const cwd = folder({
      'w.skey': generateSkey('w.example/1', 'cosignature'),
      'open.skey': generateSkey('w.example/1', 'cosignature'),
      'log.skey': generateSkey(ORIGIN),
    });
    for (const name of ['w.skey', 'log.skey']) chmodSync(join(cwd, name), 0o600);
    chmodSync(join(cwd, 'open.skey'), 0o644);
    const vkey = testLog(ORIGIN).key.verifier.vkey;
    const whole = { '--listen': '127.0.0.1:0', '--key': 'w.skey', '--state': 's', '--trust': vkey };
    const options = Object.entries({ ...whole, [given[0] as string]: given[1] as string }).flat();
    const { code, out, err } = await aegrail(['witness', ...options], { cwd });
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain(says);
    expect(err.trimEnd().split('\n')).toHaveLength(1);
  });
});

test.each(['keys new', 'keys list', 'keys rotate', 'keys revoke', 'witness'])(
  '%s has help with an example, and --json',
  async (command) => {
    const { code, out, err } = await aegrail([...command.split(' '), '--help']);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toContain('--json');
    expect(out).toMatch(new RegExp(`Example:\\n[^]*aegrail ${command}`));
  },
);

test('a reader that goes away does not spoil a new key', () => {
  const cwd = folder();
  execFileSync('sh', ['-c', '"$0" "$1" keys new --origin a.example/x | true', process.execPath, BIN], { cwd });
  expect(openKeyring({ origin: 'a.example/x', keys: 'keys' }, cwd, {}).statements()).toHaveLength(1);
});
