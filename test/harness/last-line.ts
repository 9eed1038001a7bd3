import type { Reporter, TestModule } from 'vitest/node';

/** Says at the very end how many tests passed and failed, alone on the last line. */
// oxlint-disable-next-line import/no-default-export -- vitest loads a reporter by its default export
export default class LastLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], errors: readonly unknown[]): void {
    let passed = 0;
    let skipped = 0;
    let failed = errors.length;
    for (const module of modules) {
      failed += module.errors().length;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === 'passed') passed += 1;
        else if (state === 'skipped') skipped += 1;
        else failed += 1;
      }
    }
    const line = `${passed} passed, ${failed} failed${skipped === 0 ? '' : `, ${skipped} skipped`}`;
    // After vitest's own summary.
    process.once('exit', () => process.stdout.write(`${line}\n`));
  }
}
