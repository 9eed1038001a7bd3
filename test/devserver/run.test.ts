import { execFile, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { script, tempDir } from './support.ts';

const setupDir = fileURLToPath(new URL('../../src/setup', import.meta.url));

type End = { code: number; out: string; err: string };

/** A fresh checkout: the real set-up, a package without dependencies, and no node_modules. */
function freshCheckout(lines: readonly string[]): string {
  const root = tempDir();
  cpSync(setupDir, join(root, 'src', 'setup'), { recursive: true });
  writeFileSync(join(root, 'package.json'), JSON.stringify({ name: 'fresh', version: '1.0.0', type: 'module' }));
  changeLockfile(root, '1.0.0');
  writeFileSync(join(root, 'script.ts'), lines.join('\n'));
  return root;
}

function changeLockfile(root: string, version: string): void {
  const named = { name: 'fresh', version };
  writeFileSync(
    join(root, 'package-lock.json'),
    JSON.stringify({ ...named, lockfileVersion: 3, packages: { '': named } }),
  );
}

async function run(root: string, args: readonly string[], env: Record<string, string> = {}): Promise<End> {
  return new Promise((done) => {
    const options = { cwd: root, env: { ...process.env, npm_execpath: '', ...env } };
    const child = execFile(process.execPath, ['src/setup/run.mjs', ...args], options, (_, out, err) => {
      done({ code: child.exitCode ?? -1, out, err });
    });
  });
}

const timesInstalled = (ends: readonly End[]): number =>
  ends.filter(({ err }) => err.includes('installing node modules with')).length;

describe('run.mjs', { timeout: 20_000 }, () => {
  test('installs once, also when started twice at the same moment, and again when the lockfile changes', async () => {
    const root = freshCheckout(['const word: string = process.argv.slice(2).join("|");', 'console.log(word);']);
    const both = await Promise.all([run(root, ['script.ts', 'a', 'b c']), run(root, ['script.ts', 'a', 'b c'])]);
    expect(both.map(({ code, out }) => [code, out])).toEqual([
      [0, 'a|b c\n'],
      [0, 'a|b c\n'],
    ]);
    expect(timesInstalled(both)).toBe(1);
    expect(timesInstalled([await run(root, ['script.ts'])])).toBe(0);

    changeLockfile(root, '1.0.1');
    expect(timesInstalled([await run(root, ['script.ts']), await run(root, ['script.ts'])])).toBe(1);
  });

  test('says that npm failed, and that it can be run by hand', async () => {
    const root = freshCheckout(['']);
    const manifest = { name: 'fresh', version: '1.0.0', dependencies: { local: 'file:local' } };
    writeFileSync(join(root, 'package.json'), JSON.stringify(manifest)); // npm refuses: the lockfile has no such package
    const end = await run(root, ['script.ts']);
    expect([end.code, end.err]).toEqual([
      1,
      expect.stringContaining('`npm ci` ended with code 1; its own words are above'),
    ]);
    expect(existsSync(join(root, 'node_modules', '.aegrail-setup'))).toBe(false);
  });

  test('is content with modules that someone installed by hand', async () => {
    const root = freshCheckout(['console.log("ran");']);
    mkdirSync(join(root, 'node_modules'));
    writeFileSync(join(root, 'node_modules', '.package-lock.json'), '{"packages":{}}');
    const end = await run(root, ['script.ts']);
    expect(end).toEqual({ code: 0, out: 'ran\n', err: '' });
    expect(existsSync(join(root, 'node_modules', '.aegrail-setup'))).toBe(true);
  });

  test('ends as the script ends', async () => {
    const root = freshCheckout([
      'if (process.argv[2] === "code") process.exit(7);',
      'process.kill(process.pid, "SIGKILL");',
    ]);
    expect((await run(root, ['script.ts', 'code'])).code).toBe(7);
    expect((await run(root, ['script.ts', 'kill'])).code).toBe(137);
    expect((await run(root, [])).code).toBe(2);
  });

  test.each(['SIGINT', 'SIGTERM'] as const)('passes on %s once', async (signal) => {
    const root = freshCheckout([
      `let seen = 0;`,
      `process.on('${signal}', () => { seen += 1; console.log(seen); setTimeout(() => process.exit(40 + seen), 300); });`,
      `setInterval(() => {}, 1000);`,
      `console.log('up');`,
    ]);
    mkdirSync(join(root, 'node_modules'));
    writeFileSync(join(root, 'node_modules', '.package-lock.json'), '{"packages":{}}');
    const child = spawn(process.execPath, ['src/setup/run.mjs', 'script.ts'], {
      cwd: root,
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = new Promise((done) => child.once('close', done));
    await new Promise((done) => child.stdout.once('data', done));
    child.kill(signal);
    await new Promise((done) => child.stdout.once('data', done)); // has arrived: two equal signals at once would be one
    child.kill(signal);
    expect(await ended).toBe(41);
  });

  test('says what to do without npm, and without the Node that npm should have brought', async () => {
    const root = freshCheckout(['']);
    mkdirSync(join(root, 'empty'));
    const noNpm = await run(root, ['script.ts'], { PATH: join(root, 'empty') });
    expect([noNpm.code, noNpm.err]).toEqual([1, expect.stringContaining('install Node with npm')]);

    const code = `const { chooseNode } = await import('./src/setup/node.mjs');
      try { console.log(chooseNode('.', process.argv[1])); } catch (error) { console.log(error.message); }`;
    const choose = async (version: string): Promise<string> =>
      new Promise((done) => {
        const options = { cwd: root };
        execFile(process.execPath, ['--input-type=module', '-e', code, version], options, (_, out) => {
          done(out.trim());
        });
      });
    expect(await choose('24.0.0')).toBe(process.execPath);
    expect(await choose('20.20.2')).toMatch(
      /this is Node 20.20.2 and 24 is needed.*npm rebuild node --ignore-scripts=false/,
    );
    script(join(root, 'node_modules', 'node', 'bin'), 'node', 'exit 1');
    expect(await choose('20.20.2')).toContain('does not run');
    script(join(root, 'node_modules', 'node', 'bin'), 'node', 'echo v24.0.0');
    expect(await choose('20.20.2')).toBe(join('node_modules', 'node', 'bin', 'node'));
  });
});
