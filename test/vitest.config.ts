import { defineConfig } from 'vitest/config';

// oxlint-disable-next-line import/no-default-export -- vitest reads its configuration from a default export
export default defineConfig({
  resolve: { conditions: ['aegrail-source'] },
  ssr: { resolve: { conditions: ['aegrail-source'] } },
  test: {
    root: new URL('..', import.meta.url).pathname,
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/harness/global-setup.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // A condition is waited for as long as it takes on a busy machine: one second says more of that than of the code.
    expect: { poll: { timeout: 20_000, interval: 100 } },
    // A sixth of the time both cores would wait for servers and timers: a third file goes on meanwhile.
    maxWorkers: 3,
    pool: 'forks',
    // No module of ours holds state, which a test of the architecture sees to: to load all anew for each file took a third of the time.
    isolate: false,
    reporters: ['default', './test/harness/last-line.ts'],
  },
});
