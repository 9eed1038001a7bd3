import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { lineOf } from '../../src/core/chain.ts';
import { chainedSession } from '../suites/sink.ts';
import { spoolBench, troublesOf } from './spool-bench.ts';

const records = chainedSession('s1', 10);
const lines = records.map(lineOf);

const bench = spoolBench();

function rejected(): readonly string[] {
  return readdirSync(bench.folder).filter((name) => name.endsWith('.rejected.jsonl'));
}

describe('what a receiver refuses', () => {
  test.each([400, 401, 404, 413, 422, 307])(
    'with %i is set aside and told, and does not stand in the way',
    async (status) => {
      let answers = 0;
      bench.receiver.answer = (response) => response.writeHead(answers++ === 0 ? status : 204).end();
      const sink = bench.open();
      const troubles = troublesOf(sink);
      await sink.write(records.slice(0, 3));
      await sink.write(records.slice(3));
      await bench.delivered();
      const [name = ''] = rejected();
      expect(name).toMatch(/^\d{15}-[0-9a-f]{8}\.rejected\.jsonl$/);
      expect(troubles).toEqual([[3, `answered ${status}: set aside as ${name}`]]);
      expect(readFileSync(join(bench.folder, name), 'utf8')).toBe(
        lines
          .slice(0, 3)
          .map((line) => `${line}\n`)
          .join(''),
      );
      expect(bench.arrived()).toEqual(lines);
    },
  );

  test.each([408, 425, 429])('with %i is not: it is tried again', async (status) => {
    let answers = 0;
    bench.receiver.answer = (response) => response.writeHead(answers++ === 0 ? status : 204).end();
    await bench.open().write(records);
    await bench.delivered();
    expect(rejected()).toEqual([]);
    expect(bench.receiver.requests).toHaveLength(2);
  });

  test('is delivered when it is given its name back, by the command of docs/sinks.md', async () => {
    bench.receiver.answer = (response) => response.writeHead(401).end();
    const first = bench.open({ batch: { maxRecords: 4 } });
    await first.write(records);
    await vi.waitFor(() => expect(rejected()).toHaveLength(Math.ceil(records.length / 4)), { interval: 2 });
    await first.close();
    bench.receiver.requests.length = 0;
    bench.receiver.answer = (response) => response.writeHead(204).end();
    const command = 'for f in *.rejected.jsonl; do mv "$f" "${f%.rejected.jsonl}.jsonl"; done';
    expect(readFileSync(new URL('../../docs/sinks.md', import.meta.url), 'utf8')).toContain(command);
    execFileSync('sh', ['-c', command], { cwd: bench.folder });
    bench.open();
    await bench.delivered();
    expect(bench.arrived()).toEqual(lines);
    expect(rejected()).toEqual([]);
  });

  test('is kept up to the bound of the spool, beside what waits; what is beyond is lost, and told so', async () => {
    bench.receiver.answer = (response) => response.writeHead(400).end();
    const size = Buffer.byteLength(`${lines[0]}\n`);
    const sink = bench.open({ batch: { maxRecords: 1 }, spool: { folder: bench.folder, maxBytes: 2 * 4096 } });
    const troubles = troublesOf(sink);
    const count = Math.ceil((2 * 4096) / size) + 2;
    for (let n = 0; n < count; n++) {
      await sink.write(records.slice(0, 1));
      await vi.waitFor(() => expect(troubles).toHaveLength(n + 1), { interval: 2 });
    }
    await bench.delivered();
    expect(rejected()).toHaveLength(Math.floor((2 * 4096) / size));
    expect(troubles.at(-1)).toEqual([1, 'answered 400: lost: there is no room for more that is rejected']);
  });
});
