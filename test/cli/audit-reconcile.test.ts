import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ChainedRecord } from '../../src/core/record.ts';
import { openStore } from '../../src/store/open.ts';
import { type CliStack, startCliStack } from './cli-stack.ts';

let cli: CliStack;
beforeAll(async () => {
  cli = await startCliStack();
});
afterAll(() => cli.close());

/** A contract file like the stack's, with another store: as if the worker's store had been down all the time. */
async function withOtherStore(name: string): Promise<string> {
  const file = JSON.parse(await readFile(join(cli.stack.dir, 'aegrail.json'), 'utf8')) as Record<string, unknown>;
  await writeFile(join(cli.stack.dir, `${name}.json`), JSON.stringify({ ...file, store: `sqlite:${name}.db` }));
  await (await openStore(`sqlite:${name}.db`, cli.stack.dir)).close();
  return `${name}.json`;
}

const lines = (out: string): Record<string, unknown>[] =>
  out
    .trim()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>);

const eventsOf = (records: readonly ChainedRecord[]): string[] => records.map(({ event }) => event);

describe('audit reconcile', () => {
  test('closes a session that was terminated, and says how that is known; a live one is left alone', async () => {
    const ended = await cli.begin('Wait.');
    const live = await cli.begin('Wait.');
    await cli.untilHanging(ended.id);
    await cli.untilHanging(live.id);
    await cli.stack.client.workflow.getHandle(ended.id).terminate('it cost too much');
    const before = await cli.stack.records(ended.id);

    const first = await cli.runProcess('audit', 'reconcile', '--json');
    expect(first.err).toContain('reconciled: 1 closed, 1 running');
    expect(lines(first.out)).toContainEqual({ sessionId: ended.id, found: 'closed', appended: 2, terminated: true });
    expect(lines(first.out)).toContainEqual({ sessionId: live.id, found: 'running' });

    const after = await cli.stack.records(ended.id);
    expect(after.slice(0, before.length)).toEqual(before);
    expect(eventsOf(after.slice(before.length))).toEqual(['tool_call', 'session_terminated']);
    const [lost, last] = after.slice(before.length);
    expect(lost?.payload).toMatchObject({
      outcome: 'unknown',
      posted: { tool_calls: 1 },
      error: { code: 'SESSION_LOST' },
    });
    expect(last?.payload).toMatchObject({
      status: 'terminated',
      known_by: 'history',
      reason: 'it cost too much',
      records: after.length,
    });
    expect(last?.budget).toMatchObject({ tool_calls: 1, tool_calls_reserved: 0 });

    const again = await cli.runProcess('audit', 'reconcile');
    expect(again).toMatchObject({ code: 0, out: '' });
    expect(await cli.stack.records(ended.id)).toEqual(after);
    await cli.run('cancel', live.id);
  });

  test('two at the same time close a session once', async () => {
    const { id } = await cli.begin('Wait.');
    await cli.untilHanging(id);
    await cli.stack.client.workflow.getHandle(id).terminate();
    const both = await Promise.all([cli.runProcess('audit', 'reconcile'), cli.runProcess('audit', 'reconcile')]);
    expect(both.map(({ code }) => code)).toEqual([0, 0]);
    expect(eventsOf(await cli.stack.records(id)).filter((event) => event === 'session_terminated')).toHaveLength(1);
  });

  test('a terminated session that was closed can be reset, and goes on after its end', async () => {
    const { id } = await cli.begin('Wait.');
    await cli.untilHanging(id);
    const handle = cli.stack.client.workflow.getHandle(id);
    await handle.terminate();
    await cli.runProcess('audit', 'reconcile');
    const { events } = await handle.fetchHistory();
    const task = events?.findLast(({ workflowTaskCompletedEventAttributes: completed }) => completed);
    await cli.stack.client.workflowService.resetWorkflowExecution({
      namespace: 'default',
      workflowExecution: { workflowId: id },
      reason: 'go on',
      workflowTaskFinishEventId: task?.eventId ?? null,
      requestId: crypto.randomUUID(),
    });
    const records = async (): Promise<string[]> => eventsOf(await cli.stack.records(id));
    await expect.poll(records).toContain('session_reset');
    await cli.run('cancel', id);
    await expect.poll(async () => (await records()).at(-1)).toBe('session_ended');
  });

  test('a store that was down has the whole log afterwards, the same bytes', async () => {
    const { id } = await cli.begin('Hello.');
    const config = await withOtherStore('empty');
    const { code, out } = await cli.runProcess('audit', 'reconcile', '-c', config);
    expect(code).toBe(0);
    expect(out).toContain(`${id}: closed, `);
    const store = await openStore('sqlite:empty.db', cli.stack.dir);
    expect(await Array.fromAsync(store.records(id))).toEqual(await cli.stack.records(id));
    await store.close();
  });

  test('a session that Temporal does not know is told, and closed only when asked to', async () => {
    const config = await withOtherStore('unknown');
    const { id } = await cli.begin('Wait.');
    await cli.untilHanging(id);
    const known = await cli.stack.records(id);
    const store = await openStore('sqlite:unknown.db', cli.stack.dir);
    const elsewhere = known.map(({ prev_hash: _prev, hash: _hash, ...record }) => ({ ...record, session_id: 'gone' }));
    await store.append('gone', elsewhere);

    const told = await cli.runProcess('audit', 'reconcile', '-c', config);
    expect(told.out).toContain('gone: Temporal does not know it');
    expect(await Array.fromAsync(store.records('gone'))).toHaveLength(known.length);
    await cli.runProcess('audit', 'reconcile', '-c', config, '--close-unknown');
    const last = (await Array.fromAsync(store.records('gone'))).at(-1);
    expect(last).toMatchObject({
      event: 'session_terminated',
      payload: { status: 'lost', known_by: 'absence', closed_at: null },
    });
    await store.close();
    await cli.run('cancel', id);
  });
});
