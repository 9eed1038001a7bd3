import { openSqliteStore } from '../../src/store/sqlite.ts';

/** Run by the test of the race to make a file: opens each path it is sent, at the time it is told, and says how it went. */
process.on('message', ({ path, atMs }: { path: string; atMs: number }) => {
  // Busy on purpose: a timer would be too coarse for processes to meet.
  while (Date.now() < atMs);
  try {
    void openSqliteStore(path).close();
    process.send?.('opened');
  } catch (error) {
    process.send?.(String(error));
  }
});
process.send?.('ready');
