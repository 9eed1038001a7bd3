import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { aegrail, BIN, cleanEnv, folder } from './kit.ts';

const COMMANDS = [
  'up',
  'worker',
  'start',
  'sessions',
  'schedule create',
  'schedule ls',
  'schedule show',
  'schedule pause',
  'schedule resume',
  'schedule trigger',
  'schedule delete',
  'search-attributes',
  'show',
  'watch',
  'cancel',
  'pause',
  'resume',
  'kill-switch',
  'decide',
  'audit export',
  'audit verify',
];

describe('help', () => {
  test.each(COMMANDS)('%s has help with an example, and --json', async (command) => {
    const { code, out, err } = await aegrail([...command.split(' '), '--help']);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toContain('--json');
    expect(out).toMatch(new RegExp(`Example:\\n[^]*aegrail ${command}`));
  });

  test('aegrail alone shows what there is, on stderr', async () => {
    const { code, out, err } = await aegrail([]);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain('Exit codes:');
  });
});

describe('wrong use', () => {
  test.each([
    [['frobnicate'], "unknown command 'frobnicate'"],
    [['shwo', 'x'], 'Did you mean show?'],
    [['sessions', '--limt', '3'], 'Did you mean --limit?'],
    [['start', 'bot', '--input', 'x'], '--user'],
    [['start', 'bot', '--user', 'ann'], '--input TEXT'],
    [['start', 'bot', '--user', 'ann', '--input', 'x', '--input-file', 'y'], 'one of --input and --input-file'],
    [['start', 'bot', '--user', 'ann', '--input', 'x', '--usd', '5e3'], "argument '5e3' is invalid"],
    [
      ['start', 'bot', '--user', 'ann', '--interactive', '--wait'],
      "'--interactive' cannot be used with option '--wait'",
    ],
    [['sessions', '--state', 'asleep'], 'Allowed choices are running, idle, approval, budget, paused'],
    [['schedule', 'create', 'x', '--agent', 'a', '--user', 'u', '--input', 'i'], '--cron'],
    [['schedule', 'pause', 'x'], '--by'],
    [['sessions', '--limit', '0'], 'whole number from 1'],
    [['up', '--port', '70000'], 'port from 1 to 65535'],
    [['audit', 'export', 'x', '--from', 'memory'], 'store, history'],
    [['audit', 'verify', 'no-such-file'], 'no-such-file can not be read'],
    [['worker', '--log-level', 'loud'], 'warn'],
  ])('%j is exit code 2 and one line', async (args, says) => {
    const { code, out, err } = await aegrail(args, { cwd: folder() });
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toContain(says);
    expect(err.trimEnd().split('\n')).toHaveLength(1);
  });

  // U+009b is an escape of one character to a terminal, U+202e has it write from right to left.
  test.each<[string, readonly string[]]>([
    ['a command', ['ev\u001b[2Jil\u009b\u202e']],
    ['a file', ['audit', 'verify', 'ev\u001b[2Jil\u009b\u202e']],
    ['an option', ['sessions', '--ev\u001b[2Jil\u009b\u202e']],
    ['a value', ['sessions', '--limit', 'ev\u001b[2Jil\u009b\u202e']],
    ['a choice', ['worker', '--log-level', 'ev\u001b[2Jil\u009b\u202e']],
  ])('what a terminal would obey is shown as it was typed: %s', async (_what, args) => {
    for (const more of [{ AEGRAIL_DEBUG: '0' }, { AEGRAIL_DEBUG: '1' }]) {
      const { code, err } = await aegrail(args, { cwd: folder(), env: more });
      expect(code).toBe(2);
      expect(err).toContain('ev\\u001b[2Jil\\u009b\\u202e');
      expect(err).not.toMatch(/(?!\n)[\p{Cc}\p{Cf}]/u);
    }
    const { err } = await aegrail([...args, '--json'], { cwd: folder() });
    expect(err).not.toMatch(/(?!\n)[\p{Cc}\p{Cf}]/u);
    expect((JSON.parse(err) as { error: { message: string } }).error.message).toContain('ev\u001b[2Jil\u009b\u202e');
  });

  test('with --json the error is JSON on stderr', async () => {
    const { code, out, err } = await aegrail(['show', '--json']);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(JSON.parse(err)).toEqual({ error: { code: 'USAGE', message: "missing required argument 'id'" } });
  });
});

describe('no server', () => {
  const none = { TEMPORAL_ADDRESS: '127.0.0.1:9' };

  test.each([
    ['sessions'],
    ['show', 'x'],
    ['watch', 'x'],
    ['cancel', 'x'],
    ['start', 'bot', '--user', 'ann', '--input', 'x'],
    ['audit', 'export', 'x', '--from', 'history'],
  ])('%s ends with exit code 3 and says how to start one', async (...args) => {
    const { code, out, err } = await aegrail(args, { env: none, cwd: folder() });
    expect({ code, out }).toEqual({ code: 3, out: '' });
    expect(err).toMatch(
      /^aegrail: No Temporal server answers at 127\.0\.0\.1:9 \(connection refused\)\. Start one with `aegrail up`/,
    );
  });

  test('--address goes before the environment, and with --json the error is JSON', async () => {
    const { code, out, err } = await aegrail(['sessions', '--json', '--address', '127.0.0.1:10'], { env: none });
    expect({ code, out }).toEqual({ code: 3, out: '' });
    const message: unknown = expect.stringContaining('127.0.0.1:10');
    expect(JSON.parse(err)).toEqual({ error: { code: 'SERVER_UNREACHABLE', message } });
  });

  test('a namespace and a profile that there are not', async () => {
    expect(await aegrail(['sessions', '--namespace', 'nowhere'])).toMatchObject({
      code: 2,
      err: expect.stringContaining('no namespace nowhere'),
    });
    expect(await aegrail(['sessions', '--profile', 'nobody'])).toMatchObject({
      code: 2,
      err: expect.stringContaining('nobody'),
    });
  });

  test('a profile of Temporal’s configuration file is used', async () => {
    const dir = folder({ 'temporal.toml': '[profile.far]\naddress = "127.0.0.1:11"\n' });
    const env = { TEMPORAL_CONFIG_FILE: join(dir, 'temporal.toml'), TEMPORAL_PROFILE: 'far', TEMPORAL_ADDRESS: '' };
    expect(await aegrail(['sessions'], { env })).toMatchObject({
      code: 3,
      err: expect.stringContaining('127.0.0.1:11'),
    });
  });
});

describe('an older Node', () => {
  const older = [
    '--import',
    'data:text/javascript,Object.defineProperty(process,"versions",{value:{...process.versions,node:"20.1.0"}})',
  ];

  test('hands over to the Node of the checkout', () => {
    const out = execFileSync(process.execPath, [...older, BIN, '--version'], { encoding: 'utf8', env: cleanEnv() });
    expect(out).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  test('says so where there is none', () => {
    const dir = folder();
    mkdirSync(join(dir, 'src', 'cli'), { recursive: true });
    const alone = join(dir, 'src', 'cli', 'bin.mjs');
    copyFileSync(BIN, alone);
    const { status, stderr } = spawnSync(process.execPath, [...older, alone], { encoding: 'utf8', env: cleanEnv() });
    expect({ status, stderr }).toEqual({
      status: 2,
      stderr: 'aegrail needs Node 22.18 or newer, and this is 20.1.0: install a newer Node\n',
    });
  });

  test('the installed package runs its dist, not sources', () => {
    const dir = folder();
    mkdirSync(join(dir, 'src', 'cli'), { recursive: true });
    mkdirSync(join(dir, 'dist', 'src', 'cli'), { recursive: true });
    copyFileSync(BIN, join(dir, 'src', 'cli', 'bin.mjs'));
    writeFileSync(join(dir, 'package.json'), '{"type":"module"}');
    writeFileSync(join(dir, 'dist', 'src', 'cli', 'main.js'), 'process.stdout.write(`dist ${process.argv[2]}`)');
    const out = execFileSync(process.execPath, [join(dir, 'src', 'cli', 'bin.mjs'), 'x'], {
      encoding: 'utf8',
      env: cleanEnv(),
    });
    expect(out).toBe('dist x');
  });
});

describe('a terminal', () => {
  // The real thing: Python's pty gives the command a terminal for all of its streams.
  const inTerminal = (env: Record<string, string>): string => {
    const pty = 'import pty, sys; sys.exit(pty.spawn(sys.argv[1:]) >> 8)';
    return spawnSync('python3', ['-c', pty, process.execPath, BIN, 'show'], {
      encoding: 'utf8',
      env: cleanEnv({ TERM: 'xterm', ...env }),
    }).stdout;
  };

  test('has colours, and none with NO_COLOR', () => {
    expect(inTerminal({})).toContain('\u{1b}[31m');
    expect(inTerminal({ NO_COLOR: '1' })).not.toContain('\u{1b}');
    expect(inTerminal({ NO_COLOR: '1' })).toContain('missing required argument');
  });

  test('that is none has no colours', async () => {
    expect((await aegrail(['show'])).err).not.toContain('\u{1b}');
  });
});
