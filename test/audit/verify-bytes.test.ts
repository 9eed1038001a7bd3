import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { splitLines } from '../../src/audit/lines.ts';
import { verifyLog } from '../../src/audit/verify.ts';
import { sampleLines, sampleSession } from '../suites/sample-session.ts';

const log = Buffer.from(
  sampleLines(sampleSession('s1', 1))
    .map((line) => `${line}\n`)
    .join(''),
);

async function isOk(bytes: Buffer): Promise<boolean> {
  return (await verifyLog(splitLines([bytes]))).ok;
}

test('every change of one byte is detected, at every place', async () => {
  expect(await isOk(log)).toBe(true);
  const missed: string[] = [];
  for (let at = 0; at < log.length; at++) {
    const changed = Buffer.from(log);
    // A flipped bit here, a blank there: each place gets three other bytes, chosen by where it is.
    for (const byte of [log[at]! ^ (1 << (at % 8)), at % 2 === 0 ? 0x20 : 0x0d, 0x0a]) {
      if (byte === log[at]) continue;
      changed[at] = byte;
      if (await isOk(changed)) missed.push(`${at}: ${log[at]} -> ${byte}`);
    }
  }
  expect(missed).toEqual([]);
});

test('any byte put in, taken out or changed is detected', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.nat({ max: log.length - 1 }),
      fc.nat({ max: 255 }),
      fc.constantFrom(0, 1),
      fc.boolean(),
      async (at, byte, removed, added) => {
        const changed = Buffer.concat([
          log.subarray(0, at),
          Buffer.from(added ? [byte] : []),
          log.subarray(at + removed),
        ]);
        fc.pre(!changed.equals(log));
        expect(await isOk(changed)).toBe(false);
      },
    ),
    { numRuns: 1000 },
  );
});

test('a log that was cut anywhere is never taken for a whole one', async () => {
  for (let length = 0; length < log.length; length++) {
    if (log[length - 1] === 0x0a) continue;
    expect(await isOk(log.subarray(0, length)), `${length} bytes`).toBe(false);
  }
});

test('it is the same however the bytes arrive', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat({ max: log.length }), { maxLength: 20 }), async (cuts) => {
      const ends = [0, ...cuts.sort((a, b) => a - b), log.length];
      const chunks = ends.slice(1).map((end, index) => log.subarray(ends[index], end));
      expect(await verifyLog(splitLines(chunks))).toMatchObject({ ok: true, records: 4 });
    }),
    { numRuns: 100 },
  );
});
