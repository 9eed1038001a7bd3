import pc from 'picocolors';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { exportProgress } from '../../src/cli/export-progress.ts';
import type { Terminal } from '../../src/cli/terminal.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['performance'] }));
afterEach(() => void vi.useRealTimers());

/** A terminal that keeps what stderr was told. */
function keeping(isLive: boolean): { readonly terminal: Terminal; readonly said: string[]; readonly shown: string[] } {
  const said: string[] = [];
  const shown: string[] = [];
  const colors = pc.createColors(false);
  const terminal: Terminal = {
    env: {},
    cwd: '/',
    isLive,
    colors,
    errColors: colors,
    line: () => Promise.reject(new Error('stdout is for what was asked for')),
    say: (text) => void said.push(text),
    live: (text) => void shown.push(text),
    endLive: () => undefined,
  };
  return { terminal, said, shown };
}

test('says nothing for two seconds, and then records, megabytes and rate every five', () => {
  const { terminal, said } = keeping(false);
  const { onRecord, onBlock } = exportProgress(terminal);
  for (let second = 1; second <= 12; second++) {
    vi.advanceTimersByTime(1_000);
    for (let record = 0; record < 1_000; record++) onRecord();
    onBlock(2_500_000);
    if (second < 2) expect(said).toEqual([]);
  }
  expect(said).toEqual([
    '2,000 records, 5 MB, 2.5 MB/s',
    '7,000 records, 18 MB, 2.5 MB/s',
    '12,000 records, 30 MB, 2.5 MB/s',
  ]);
});

test('shows one line on a terminal', () => {
  const { terminal, said, shown } = keeping(true);
  const { onRecord, onBlock } = exportProgress(terminal);
  vi.advanceTimersByTime(2_500);
  for (let times = 0; times < 100; times++) {
    onRecord();
    onBlock(10_000);
  }
  vi.advanceTimersByTime(300);
  onBlock(10_000);
  expect({ said, shown }).toEqual({ said: [], shown: ['1 records, 0 MB, 0 MB/s', '100 records, 1 MB, 0.4 MB/s'] });
});
