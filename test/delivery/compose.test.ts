import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { composeProblems, type ComposeFile, type ComposeService, withDefaults } from './compose-rules.ts';
import { root, textOf } from './repository.ts';

const read = (): ComposeFile => parse(textOf('docker-compose.yml')) as ComposeFile;

function service(file: ComposeFile, name: string): ComposeService {
  const found = file.services[name];
  if (found === undefined) throw new Error(`docker-compose.yml has no service ${name}`);
  return found;
}

describe('docker-compose.yml', () => {
  it('keeps every rule', () => {
    expect(composeProblems(read(), root)).toEqual([]);
  });

  it.each<[string, string, (worker: ComposeService, file: ComposeFile) => void]>([
    [
      'a dependency that is no service',
      'depends on redis, which is no service',
      (worker) => {
        worker.depends_on = { redis: { condition: 'service_healthy' } };
      },
    ],
    [
      'a health gate without a healthcheck',
      'waits for temporal to be healthy, which has no healthcheck',
      (_, file) => {
        delete service(file, 'temporal').healthcheck;
      },
    ],
    [
      'a job that is restarted',
      'waits for temporal-namespace to complete, which is restarted (always)',
      (_, file) => {
        service(file, 'temporal-namespace').restart = 'always';
      },
    ],
    [
      'latest',
      'image postgres:latest is not pinned to a version',
      (_, file) => {
        service(file, 'postgresql').image = 'postgres:latest';
      },
    ],
    [
      'a major version alone',
      'image postgres:17 is not pinned to a version',
      (_, file) => {
        service(file, 'postgresql').image = 'postgres:17';
      },
    ],
    [
      'no tag',
      'image registry.example:5000/postgres has no tag',
      (_, file) => {
        service(file, 'postgresql').image = 'registry.example:5000/postgres';
      },
    ],
    [
      'image beside build',
      'is built here, but aegrail:0.1.0 would be looked for in a registry first',
      (worker) => {
        worker.image = 'aegrail:0.1.0';
      },
    ],
    [
      'a port on every address',
      'port 7233:7233 is not bound to loopback',
      (worker) => {
        worker.ports = ['7233:7233'];
      },
    ],
    [
      'a mount that is not there',
      'mounts ./deploy/gone.yaml, which does not exist',
      (worker) => {
        worker.volumes = ['./deploy/gone.yaml:/app/aegrail.yaml:ro'];
      },
    ],
    [
      'a writable mount',
      'mounts ./deploy/aegrail.yaml of the checkout writable',
      (worker) => {
        worker.volumes = ['./deploy/aegrail.yaml:/app/aegrail.yaml'];
      },
    ],
    [
      'an undeclared volume',
      'volume lost is not declared',
      (worker) => {
        worker.volumes = ['lost:/app/.aegrail'];
      },
    ],
    [
      'an undeclared network',
      'network lost is not declared',
      (worker) => {
        worker.networks = ['lost'];
      },
    ],
    [
      'no memory limit',
      'has no memory limit',
      (worker) => {
        delete worker.deploy;
      },
    ],
  ])('would be refused with %s', (_, problem, spoil) => {
    const file = read();
    spoil(service(file, 'worker'), file);
    expect(composeProblems(file, root).map((line) => line.replace(/^[\w-]+: /, ''))).toContain(problem);
  });

  it('starts the worker last: schema, server, namespace and store come before it', () => {
    const file = read();
    const before = (name: string): string[] =>
      Object.keys(service(file, name).depends_on ?? {}).flatMap((next) => [next, ...before(next)]);
    expect(new Set(before('worker'))).toEqual(
      new Set(['postgresql', 'temporal-schema', 'temporal', 'temporal-namespace', 'store-database']),
    );
  });

  it('runs the worker as a user other than root, on a read-only root, twice, with time to drain', () => {
    const worker = service(read(), 'worker');
    expect(worker.user).toMatch(/^[1-9]\d*:[1-9]\d*$/);
    expect(worker.read_only).toBe(true);
    expect(worker.cap_drop).toEqual(['ALL']);
    expect(worker.deploy).toHaveProperty('replicas', 2);
    expect(Number.parseInt(worker.stop_grace_period ?? '', 10)).toBeGreaterThanOrEqual(60);
  });

  it('runs one version of the server and of the tools that set up its schema', () => {
    const file = read();
    const version = (name: string): string | undefined => service(file, name).image?.split(':')[1];
    expect(version('temporal-schema')).toBe(version('temporal'));
    expect(version('temporal-namespace')).toBe(version('temporal'));
  });

  it('uses one database password everywhere, and keeps keys out of the file', () => {
    const file = read();
    expect(service(file, 'temporal-schema').environment?.['SQL_PASSWORD']).toBe('${POSTGRES_PASSWORD:-temporal}');
    expect(service(file, 'temporal').environment?.['POSTGRES_PWD']).toBe('${POSTGRES_PASSWORD:-temporal}');
    expect(service(file, 'postgresql').environment?.['POSTGRES_PASSWORD']).toBe('${POSTGRES_PASSWORD:-temporal}');
    const environment = service(file, 'worker').environment ?? {};
    for (const name of ['OPENAI_API_KEY', 'OPENAI_BASE_URL', 'ANTHROPIC_API_KEY']) expect(environment[name]).toBeNull();
  });

  it('gives two workers a store that they share, with a password of its own', () => {
    const file = read();
    for (const name of ['store-database', 'worker']) {
      expect(service(file, name).environment?.['AEGRAIL_STORE_PASSWORD']).toBe('${AEGRAIL_STORE_PASSWORD:-aegrail}');
      expect(service(file, name).networks).toContain('database');
    }
    expect((parse(textOf('deploy/aegrail.yaml')) as { store: string }).store).toMatch(/^postgres:/);
  });

  it('mounts the dynamic configuration where the server looks for it, with the queues polled fast', () => {
    const temporal = service(read(), 'temporal');
    expect(temporal.volumes).toContain('./deploy/temporal:/etc/aegrail:ro');
    expect(temporal.environment?.['DYNAMIC_CONFIG_FILE_PATH']).toBe('/etc/aegrail/dynamicconfig.yaml');
    expect(parse(textOf('deploy/temporal/dynamicconfig.yaml'))).toEqual({
      'history.transferProcessorMaxPollRPS': [{ value: 5000 }],
      'history.timerProcessorMaxPollRPS': [{ value: 5000 }],
      'history.maxInFlightUpdates': [{ value: 200 }],
    });
  });
});

describe('withDefaults', () => {
  it('takes the default of every variable', () => {
    expect(withDefaults('127.0.0.1:${A:-7233}:7233,${B:-x}')).toBe('127.0.0.1:7233:7233,x');
  });
});
