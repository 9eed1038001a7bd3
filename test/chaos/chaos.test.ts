import { expect, inject, test } from 'vitest';
import { quietRuntime } from '../harness/quiet.ts';
import { runChaos } from './chaos.ts';

/** The short form of main.ts: each kind of session once, and few kills. */
test('workers and the server are killed, and no session is harmed', async () => {
  quietRuntime();
  const { killed, sessions, problems } = await runChaos({
    seed: 7,
    plan: { workerKills: 6, serverKills: 1, pauseMs: 300, withinMs: 30_000 },
    inFlight: 9,
    maxSessions: 9,
    drainMs: 60_000,
    temporalBinary: inject('temporalBinary'),
    bundlePath: inject('bundlePath'),
    say: () => {},
  });
  expect(problems).toEqual([]);
  expect(killed).toEqual({ workers: 6, server: 1 });
  expect(sessions.map(({ result }) => result?.outcome)).not.toContain(undefined);
}, 120_000);
