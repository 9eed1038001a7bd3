import { expect, test } from 'vitest';
import type { SwitchChange } from '../../src/store/switch-store.ts';
import type { StoreUnderTest } from './store-under-test.ts';

const change = (agent: string | null, isOn: boolean, more: Partial<SwitchChange> = {}): SwitchChange => ({
  agent,
  isOn,
  by: 'bob@acme.com',
  reason: 'it spends too much',
  at: '2026-01-01T00:00:00.000Z',
  ...more,
});

/** What holds for the kill switches of every store. */
export function switchTests(under: () => StoreUnderTest): void {
  test('none is on before one is turned, and turning one off that is not on changes nothing', async () => {
    const { switches } = under().store;
    expect(await switches.on()).toEqual([]);
    expect(await switches.changes(10)).toEqual([]);
    await switches.turn(change('bot', false));
    expect(await switches.on()).toEqual([]);
  });

  test('the last change of each counts, and all are kept', async () => {
    const { switches } = under().store;
    const all = [
      change('bot', true),
      change(null, true, { reason: null }),
      change('a', true),
      change('bot', false, { by: 'eve@acme.com', reason: null }),
      change('a', true, { by: 'eve@acme.com', at: '2026-01-02T00:00:00.000Z' }),
    ];
    for (const one of all) await switches.turn(one);
    expect(await switches.on()).toEqual([all[1], all[4]]);
    expect(await switches.changes(10)).toEqual(all.toReversed());
    expect(await switches.changes(2)).toEqual([all[4], all[3]]);
    await switches.turn(change(null, false));
    expect(await switches.on()).toEqual([all[4]]);
    await switches.turn(change('bot', true));
    expect((await switches.on()).map(({ agent }) => agent)).toEqual(['a', 'bot']);
  });

  test('others see it at once', async () => {
    const other = await under().another();
    await under().store.switches.turn(change('bot', true));
    expect(await other.switches.on()).toEqual([change('bot', true)]);
    await other.switches.turn(change('bot', false));
    expect(await under().store.switches.on()).toEqual([]);
    await other.close();
  });

  test('names and reasons are just text', async () => {
    const { switches } = under().store;
    const odd = ["a'; DROP TABLE switch_changes; --", 'ü/🙂 %_', '__proto__', 'a\u0000b', String.raw`\0`];
    for (const text of odd) await switches.turn(change(text, true, { by: text, reason: text }));
    const on = await switches.on();
    expect(new Set(on.map(({ agent }) => agent))).toEqual(new Set(odd));
    expect(on).toHaveLength(odd.length);
    for (const { agent, by, reason } of on) expect([by, reason]).toEqual([agent, agent]);
  });

  test('a closed store says what it is', async () => {
    const { store } = under();
    await store.close();
    await expect(store.switches.on()).rejects.toMatchObject({ code: 'AUDIT_UNAVAILABLE' });
    await expect(store.switches.turn(change(null, true))).rejects.toMatchObject({ code: 'AUDIT_UNAVAILABLE' });
  });
}
