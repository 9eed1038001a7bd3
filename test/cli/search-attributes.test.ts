import { Connection } from '@temporalio/client';
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest';
import { type DevServer, startDevServer } from '../../src/devserver/server.ts';
import { registerSearchAttributes, searchableIn } from '../../src/temporal/search-attributes.ts';
import { aegrail, type End } from './kit.ts';

const ALL = ['AegrailAgent', 'AegrailUser', 'AegrailState', 'AegrailOutcome'];
const KEYWORD = 2;
const TEXT = 1;

let server: DevServer;
let connection: Connection;
let namespace: string;

beforeAll(async () => {
  server = await startDevServer({ binary: inject('temporalBinary') });
  connection = await Connection.connect({ address: server.address });
});
afterAll(async () => {
  await connection?.close();
  await server?.stop();
});
beforeEach(async () => {
  namespace = `ns-${crypto.randomUUID()}`;
  const retention = { seconds: 86_400 as never };
  await connection.workflowService.registerNamespace({ namespace, workflowExecutionRetentionPeriod: retention });
  // A namespace that was just made is not everywhere yet.
  await expect
    .poll(
      () =>
        connection.operatorService.listSearchAttributes({ namespace }).then(
          () => true,
          () => false,
        ),
      {
        timeout: 20_000,
      },
    )
    .toBe(true);
});

const run = (...more: string[]): Promise<End> =>
  aegrail(['search-attributes', '--address', server.address, '--namespace', namespace, ...more]);
const add = (searchAttributes: Record<string, number>): Promise<unknown> =>
  connection.operatorService.addSearchAttributes({ namespace, searchAttributes });

describe('aegrail search-attributes', () => {
  test('registers what is not there, and says what is', async () => {
    await add({ AegrailUser: KEYWORD, Theirs: TEXT });
    expect(await searchableIn(connection, namespace)).toEqual(['user']);
    const first = await run('--json');
    expect(first).toMatchObject({ code: 0, err: '' });
    expect(JSON.parse(first.out)).toEqual({
      namespace,
      added: ['AegrailAgent', 'AegrailState', 'AegrailOutcome'],
      present: ['AegrailUser'],
    });
    expect(await searchableIn(connection, namespace)).toEqual(['agent', 'user', 'state', 'outcome']);
    expect(await run()).toEqual({ code: 0, err: '', out: ALL.map((name) => `${name}: was there already\n`).join('') });
  });

  test('a namespace without room says so', async () => {
    await add(Object.fromEntries(Array.from({ length: 8 }, (_, index) => [`Theirs${index}`, KEYWORD])));
    const { code, out, err } = await run();
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toMatch(
      /^aegrail: The namespace ns-\S+ does not take the search attributes .*more than 10 .*Keyword\.\n$/,
    );
    expect(await searchableIn(connection, namespace)).toEqual([]);
  });

  test('one that is registered as another type is named, and never set', async () => {
    await add({ AegrailState: TEXT });
    expect(await run('--json')).toMatchObject({
      code: 1,
      err: expect.stringMatching(/SEARCH_ATTRIBUTES_REFUSED.*AegrailState is registered as another type/) as string,
    });
    expect(await searchableIn(connection, namespace)).toEqual([]);
  });

  test('a namespace that there is not, and a server that does not answer', async () => {
    namespace = 'no-such-namespace';
    expect(await run()).toMatchObject({ code: 1, out: '', err: expect.stringMatching(/no-such-namespace/) as string });
    expect(await aegrail(['search-attributes', '--address', '127.0.0.1:1'])).toMatchObject({ code: 3, out: '' });
  });
});

describe('where a server lets nobody look or register', () => {
  const denied = (): Promise<never> =>
    Promise.reject(Object.assign(new Error('7 PERMISSION_DENIED'), { code: 7, details: 'Request unauthorized.' }));
  const operatorService = { listSearchAttributes: denied, addSearchAttributes: denied } as never;

  test('the namespace itself may tell what there is', async () => {
    await add({ AegrailState: KEYWORD, AegrailUser: TEXT });
    const { workflowService } = connection;
    expect(await searchableIn({ operatorService, workflowService }, namespace)).toEqual(['state']);
    await expect(registerSearchAttributes({ operatorService, workflowService }, namespace)).rejects.toMatchObject({
      code: 'SEARCH_ATTRIBUTES_REFUSED',
      message: expect.stringMatching(/AegrailUser is registered as another type/) as string,
    });
  });

  test('it is said that it is not permitted', async () => {
    const services = { operatorService, workflowService: { describeNamespace: denied } as never };
    await expect(registerSearchAttributes(services, namespace)).rejects.toMatchObject({
      code: 'SEARCH_ATTRIBUTES_REFUSED',
      message: expect.stringMatching(/this is not permitted \(Request unauthorized\)/) as string,
    });
  });
});
