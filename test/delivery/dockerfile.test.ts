import { globSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { copiesOf, type Stage, stagesOf } from './dockerfile.ts';
import { root, textOf } from './repository.ts';

const stages = stagesOf(textOf('Dockerfile'));
const last = stages.at(-1) as Stage;

/** The text of the one instruction of that kind in the last stage; the last one counts, as it does for Docker. */
const lastOf = (keyword: string): string | undefined =>
  last.instructions.findLast((instruction) => instruction.keyword === keyword)?.text;

describe('Dockerfile', () => {
  it('has a stage to build and a stage to run, on one pinned glibc base', () => {
    expect(stages.map(({ name }) => name)).toEqual(['build', null]);
    for (const { base } of stages) expect(base).toMatch(/^node:24\.\d+\.\d+-[a-z]+-slim$/);
    expect(new Set(stages.map(({ base }) => base)).size).toBe(1);
  });

  it('runs the Node that the tests run', () => {
    const { devDependencies } = JSON.parse(textOf('package.json')) as { devDependencies: Record<string, string> };
    expect(last.base).toContain(`node:${devDependencies['node']}-`);
  });

  it('copies only what exists, and what .dockerignore lets into the context', () => {
    const allowed = textOf('.dockerignore')
      .split('\n')
      .filter((line) => line.startsWith('!'))
      .map((line) => line.slice(1));
    const sources = stages
      .flatMap(copiesOf)
      .filter(({ from }) => from === null)
      .flatMap((copy) => copy.sources);
    expect(sources.length).toBeGreaterThan(0);
    for (const source of sources) {
      expect(globSync(source, { cwd: root }), `COPY ${source}`).not.toEqual([]);
      expect(allowed, '.dockerignore').toContain(source);
    }
  });

  it('lets nothing into the context that it does not copy', () => {
    const [first, ...rest] = textOf('.dockerignore')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'));
    expect(first).toBe('*');
    const sources = stages
      .flatMap(copiesOf)
      .filter(({ from }) => from === null)
      .flatMap((copy) => copy.sources);
    expect(rest.map((line) => line.slice(1)).sort()).toEqual(sources.sort());
  });

  it('takes from the first stage only what is there: of the sources, or made by installing and building', () => {
    const copies = copiesOf(last);
    expect(copies.every(({ from }) => from === 'build')).toBe(true);
    for (const source of copies.flatMap((copy) => copy.sources)) {
      expect(source).toMatch(/^\/app\//);
      const path = source.slice('/app/'.length);
      if (path !== 'node_modules' && path !== 'dist') expect(globSync(path, { cwd: root }), source).not.toEqual([]);
    }
  });

  it('installs from the lock file and runs no package script', () => {
    const runs = stages[0]?.instructions.filter(({ keyword }) => keyword === 'RUN').map(({ text }) => text) ?? [];
    expect(runs.some((text) => /^npm ci --ignore-scripts\b/.test(text))).toBe(true);
    expect(runs.some((text) => /^npm prune --omit=dev --ignore-scripts\b/.test(text))).toBe(true);
    expect(runs.every((text) => !/npm install\b/.test(text))).toBe(true);
  });

  it('runs as a numbered user other than root, the one of docker-compose.yml', () => {
    expect(lastOf('USER')).toMatch(/^[1-9]\d*:[1-9]\d*$/);
    const compose = parse(textOf('docker-compose.yml')) as { services: { worker: { user: string } } };
    expect(lastOf('USER')).toBe(compose.services.worker.user);
  });

  it('checks the ready file that it has the worker write', () => {
    const command = JSON.parse(lastOf('CMD') ?? '[]') as string[];
    const readyFile = command[command.indexOf('--ready-file') + 1];
    expect(readyFile).toBe('/tmp/ready');
    expect(lastOf('HEALTHCHECK')).toContain(`find ${readyFile} `);
  });

  it('starts the worker under an init, without npm between the signal and the worker', () => {
    expect(JSON.parse(lastOf('ENTRYPOINT') ?? '[]')).toEqual(['tini', '--', 'node', '/app/src/cli/bin.mjs']);
  });
});
