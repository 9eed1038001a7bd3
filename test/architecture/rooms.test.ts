import { describe, expect, test } from 'vitest';
import { codeOf, importsOf, sourceFiles, textOf } from './imports.ts';

/** What the files of a room may import. A prefix ends with `/`; `type:` is for imports of types alone. */
interface Room {
  readonly files: RegExp;
  readonly may: readonly string[];
}

const NODE = 'node:';
const ROOMS: Readonly<Record<string, Room>> = {
  core: { files: /^src\/core\//, may: ['src/core/', '@marcbachmann/cel-js', '@cfworker/json-schema'] },
  protocol: { files: /^src\/(protocol|calls)\.ts$/, may: ['type:src/core/'] },
  workflows: {
    files: /^workflows\//,
    may: [
      'workflows/',
      'src/core/',
      'src/protocol.ts',
      'src/calls.ts',
      '@temporalio/workflow',
      '@temporalio/common',
      'type:activities/',
    ],
  },
  activities: {
    files: /^activities\//,
    may: [
      'activities/',
      'src/core/',
      'src/protocol.ts',
      'src/calls.ts',
      'src/store/',
      'src/providers/',
      'src/pricing/',
      'src/tools/',
      'src/sinks/',
      'src/signing/',
      'type:src/temporal/',
      '@temporalio/activity',
      '@temporalio/worker',
      '@temporalio/common',
      'zod',
      'type:pino',
      'type:@ai-sdk/provider',
      NODE,
    ],
  },
  store: { files: /^src\/store\//, may: ['src/store/', 'src/core/', 'pg', NODE] },
  sinks: { files: /^src\/sinks\//, may: ['src/sinks/', 'src/core/', 'src/otel/', 'type:src/config/', NODE] },
  otel: { files: /^src\/otel\//, may: ['src/otel/', 'src/core/', 'src/protocol.ts', 'src/calls.ts', NODE] },
  providers: {
    files: /^src\/providers\//,
    may: [
      'src/providers/',
      'src/core/',
      '@ai-sdk/provider',
      '@ai-sdk/openai',
      '@ai-sdk/anthropic',
      '@ai-sdk/openai-compatible',
      NODE,
    ],
  },
  pricing: {
    files: /^src\/pricing\//,
    may: ['src/pricing/', 'src/core/', '@pydantic/genai-prices', 'canonicalize', NODE],
  },
  tools: {
    files: /^src\/tools\//,
    may: [
      'src/tools/',
      'src/core/',
      '@modelcontextprotocol/client',
      '@modelcontextprotocol/core',
      'zod',
      'type:pino',
      NODE,
    ],
  },
  config: {
    files: /^src\/config\//,
    may: ['src/config/', 'src/core/', 'src/pricing/', 'type:src/providers/', 'type:src/tools/', 'zod', 'yaml', NODE],
  },
  audit: {
    files: /^src\/audit\//,
    may: [
      'src/audit/',
      'src/core/',
      'src/protocol.ts',
      'src/calls.ts',
      'src/bundle/',
      'src/codec/',
      'src/signing/',
      'src/otel/',
      'type:src/store/',
      'type:@temporalio/common',
      '@temporalio/worker',
      NODE,
    ],
  },
  bundle: {
    files: /^src\/bundle\//,
    may: ['src/bundle/', 'type:@temporalio/common', '@temporalio/worker', NODE],
  },
  codec: {
    files: /^src\/codec\//,
    may: ['src/codec/', 'src/core/', 'type:src/config/', 'type:@temporalio/common', '@temporalio/proto', NODE],
  },
  client: {
    files: /^src\/client(\.ts|\/)/,
    may: ['src/client/', 'src/core/', 'src/protocol.ts', 'src/calls.ts', '@temporalio/client', '@temporalio/common'],
  },
  temporal: {
    files: /^src\/temporal\//,
    may: [
      'src/temporal/',
      'type:src/protocol.ts',
      'type:src/calls.ts',
      'src/bundle/workflow-file.ts',
      'src/core/',
      'type:src/config/',
      '@temporalio/client',
      '@temporalio/common',
      '@temporalio/envconfig',
      '@temporalio/worker',
      'type:pino',
      NODE,
    ],
  },
  devserver: { files: /^src\/devserver\//, may: ['src/devserver/', '@temporalio/testing', NODE] },
  setup: { files: /^src\/setup\//, may: ['src/setup/', 'src/devserver/', NODE] },
  signing: {
    files: /^src\/signing\//,
    // A lock between processes is a lock, whoever asks for it.
    may: ['src/signing/', 'src/core/', 'src/sinks/spool-lock.ts', NODE],
  },
  notary: {
    files: /^src\/notary\//,
    may: [
      'src/notary/',
      'src/core/',
      'src/signing/',
      'src/witness/client.ts',
      'type:src/store/',
      'type:src/config/',
      NODE,
    ],
  },
  witness: {
    files: /^src\/witness\//,
    may: ['src/witness/', 'src/signing/', 'src/core/', 'src/sinks/spool-lock.ts', NODE],
  },
  'model-endpoint': { files: /^src\/model-endpoint\//, may: ['src/model-endpoint/', NODE] },
};

describe.each(Object.entries(ROOMS))('the room %s', (_name, room) => {
  const files = sourceFiles().filter((file) => room.files.test(file));

  test('is there', () => {
    expect(files).not.toEqual([]);
  });

  test('imports only what it may', () => {
    const broken = files
      .flatMap((file) => importsOf(file))
      .filter(({ to, typeOnly }) => !room.may.some((allowed) => permits(allowed, to, typeOnly)))
      .map(({ from, to }) => `${from} imports ${to}`);
    expect(broken).toEqual([]);
  });
});

function permits(allowed: string, to: string, typeOnly: boolean): boolean {
  const target = allowed.replace(/^type:/, '');
  if (allowed.startsWith('type:') && !typeOnly) return false;
  return target.endsWith('/') || target.endsWith(':') ? to.startsWith(target) : to === target;
}

test('imports are found at all: static, of types, and dynamic', () => {
  expect(importsOf('worker.ts').length).toBeGreaterThan(15);
  expect(importsOf('workflows/proxies.ts')).toContainEqual({
    from: 'workflows/proxies.ts',
    to: 'activities/index.ts',
    typeOnly: true,
  });
  expect(
    sourceFiles()
      .flatMap((file) => importsOf(file))
      .some(({ to }) => to === 'node:crypto'),
  ).toBe(true);
});

test('every file is in a room, or is one of the doors', () => {
  const doors = /^(worker\.ts|src\/index\.ts|src\/cli\/.*)$/;
  const homeless = sourceFiles().filter(
    (file) => !doors.test(file) && !Object.values(ROOMS).some(({ files }) => files.test(file)),
  );
  expect(homeless).toEqual([]);
});

test('nothing but the doors imports worker.ts, and the command line never imports workflow code', () => {
  const all = sourceFiles().flatMap((file) => importsOf(file));
  expect(all.filter(({ to, from }) => to === 'worker.ts' && !from.startsWith('src/cli/'))).toEqual([]);
  expect(all.filter(({ to, from }) => to.startsWith('workflows/') && !from.startsWith('workflows/'))).toEqual([]);
});

test('the environment is read at the doors alone', () => {
  const readers = sourceFiles().filter((file) => /process\.env\b|\benv from 'node:process'/.test(codeOf(file)));
  expect(readers.filter((file) => !/^src\/(cli|setup)\//.test(file))).toEqual([]);
});

test('no module holds state that changes', () => {
  const stateful = sourceFiles().filter((file) => /^(export )?(let|var) /m.test(textOf(file)));
  expect(stateful).toEqual([]);
});

test('workflow code and core read no clock, no randomness and no globals of Node', () => {
  const forbidden =
    /\b(process|Buffer|setImmediate|queueMicrotask|structuredClone|require)\b[.(]|\bperformance\.|\bcrypto\./;
  const clock = /\bDate\.now\(|\bnew Date\(\)|\bMath\.random\(/;
  const inWorkflow = sourceFiles().filter((file) => /^(src\/core|workflows)\//.test(file));
  expect(inWorkflow.filter((file) => forbidden.test(codeOf(file)))).toEqual([]);
  expect(inWorkflow.filter((file) => file.startsWith('src/core/') && clock.test(codeOf(file)))).toEqual([]);
});

describe('sizes', () => {
  const sizes = sourceFiles().map((file) => ({ file, lines: textOf(file).split('\n').length }));

  test('no file has more than 300 lines', () => {
    expect(sizes.filter(({ lines }) => lines > 300)).toEqual([]);
  });

  test('the median file has at most 100 lines', () => {
    const sorted = sizes.map(({ lines }) => lines).sort((a, b) => a - b);
    expect(sorted[Math.floor(sorted.length / 2)]).toBeLessThanOrEqual(100);
  });
});
