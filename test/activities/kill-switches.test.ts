import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { readKillSwitches } from '../../activities/kill-switches.ts';
import { openSqliteStore } from '../../src/store/sqlite.ts';
import type { Store } from '../../src/store/store.ts';
import { SWITCH_SEEN_WITHIN_MS, type SwitchStore } from '../../src/store/switch-store.ts';

const WHY = { by: 'bob@acme.com', reason: null };

const turn = ({ switches }: Store, agent: string | null, isOn: boolean): Promise<void> =>
  switches.turn({ agent, isOn, ...WHY, at: '2026-01-01T00:00:00.000Z' });

test('its own switch stops an agent, and that for all stops everyone', async () => {
  const store = openSqliteStore(':memory:');
  const switches = readKillSwitches(store.switches);
  const stopped = async (): Promise<unknown[]> =>
    Promise.all(['bot', 'other', null].map((agent) => switches.stopping(agent, 'anew')));
  expect(await stopped()).toEqual([null, null, null]);
  await turn(store, 'bot', true);
  expect(await stopped()).toEqual([{ agent: 'bot', ...WHY }, null, null]);
  await turn(store, null, true);
  expect(await stopped()).toEqual(Array.from({ length: 3 }, () => ({ agent: null, ...WHY })));
  await turn(store, null, false);
  await turn(store, 'bot', false);
  expect(await stopped()).toEqual([null, null, null]);
  await store.close();
});

test('it is read once a second for all calls together, and a change is known after that second', async () => {
  const store = openSqliteStore(':memory:');
  let reads = 0;
  const counted: SwitchStore = {
    ...store.switches,
    on() {
      reads += 1;
      return store.switches.on();
    },
  };
  const switches = readKillSwitches(counted);
  await Promise.all(Array.from({ length: 1_000 }, () => switches.stopping('bot')));
  expect(reads).toBe(1);
  await turn(store, 'bot', true);
  await delay(SWITCH_SEEN_WITHIN_MS);
  expect(await switches.stopping('bot')).toEqual({ agent: 'bot', ...WHY });
  expect(reads).toBe(2);
  await turn(store, 'bot', false);
  expect(await switches.stopping('bot', 'anew')).toBeNull();
  expect(await switches.stopping('bot')).toBeNull();
  expect(reads).toBe(3);
  await store.close();
});

test('while the store is away what was on stays on, and of all else nobody can say', async () => {
  const store = openSqliteStore(':memory:');
  const switches = readKillSwitches(store.switches);
  await turn(store, 'bot', true);
  await switches.stopping('bot');
  await store.close();
  expect(await switches.stopping('bot', 'anew')).toEqual({ agent: 'bot', ...WHY });
  await expect(switches.stopping('other', 'anew')).rejects.toMatchObject({ code: 'AUDIT_UNAVAILABLE' });
});
