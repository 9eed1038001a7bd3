import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { expect, onTestFinished, test } from 'vitest';
import { office, type Office, verifyTree } from './kit.ts';

/** A process with a notary: see child.ts. */
function start({ url, keys }: Office, ...session: readonly string[]): ChildProcess {
  const child = fork(new URL('child.ts', import.meta.url), [url, keys, ...session], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  return child;
}

test('a process that is killed in the middle of its ticks, again and again, leaves a log that goes on', async () => {
  const here = await office();
  let checkpoints = 0;
  for (let round = 0; round < 4; round++) {
    const children = [start(here, `a${round}`), start(here, `b${round}`)];
    // Somewhere after so many ticks of one, wherever the other is.
    for (let ticks = 0; ticks <= round * 4; ticks++) await once(children[0]!, 'message');
    const ends = children.map((child) => once(child, 'exit'));
    for (const child of children) child.kill('SIGKILL');
    await Promise.all(ends);
    const { length } = await verifyTree(here.store);
    expect(length).toBeGreaterThan(checkpoints);
    checkpoints = length;
  }
  expect(await here.notary().tick({ all: true })).toMatchObject({ outcome: 'signed' });
  expect(await here.store.tree.due(null, 1)).toEqual([]);
  await verifyTree(here.store);
});

test('a process whose notary was stopped has nothing left to wait for', async () => {
  const here = await office();
  const child = start(here);
  await once(child, 'message');
  const ended = once(child, 'exit');
  child.send('stop');
  expect((await ended)[0]).toBe(0);
  expect(await verifyTree(here.store)).toHaveLength(1);
});
