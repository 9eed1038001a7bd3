import canonicalize from 'canonicalize';
import { describe, expect, test } from 'vitest';
import { formatLines, type LineFormat } from '../../src/audit/export-formats.ts';
import type { AuditRecord } from '../../src/core/record.ts';
import { sampleLines, sampleSession } from '../suites/sample-session.ts';
import { all, hex } from './export-kit.ts';

async function* each(lines: readonly string[]): AsyncGenerator<string, void, undefined> {
  yield* lines;
}

async function formatted(format: LineFormat, lines: readonly string[]): Promise<string[]> {
  return all(formatLines(format, each(lines)));
}

/** A sample session with other members in some of its records. */
function linesWith(change: (record: AuditRecord) => object): readonly string[] {
  return sampleLines(sampleSession('s', 1).map((record) => ({ ...record, ...change(record) })));
}

describe('csv', () => {
  /** RFC 4180, written from its grammar alone. */
  function parseCsv(text: string): string[][] {
    const rows: string[][] = [];
    let row: string[] = [];
    for (let at = 0; at < text.length;) {
      let cell = '';
      if (text[at] === '"') {
        for (at += 1; ; at += 1) {
          if (text[at] !== '"') cell += text[at];
          else if (text[at + 1] === '"') cell += text[++at];
          else break;
        }
        at += 1;
      } else {
        while (text[at] !== ',' && text[at] !== '\r') {
          if (text[at] === undefined || text[at] === '"') throw new Error(`a bare cell ends at ${at}`);
          cell += text[at++];
        }
      }
      row.push(cell);
      if (text[at] === ',') at += 1;
      else if (text.startsWith('\r\n', at)) {
        rows.push(row);
        row = [];
        at += 2;
      } else throw new Error(`neither a comma nor CRLF at ${at}`);
    }
    return rows;
  }

  async function table(lines: readonly string[]): Promise<Record<string, string>[]> {
    const text = (await formatted('csv', lines)).map((line) => `${line}\n`).join('');
    const [header = [], ...rows] = parseCsv(text);
    expect(new Set(header).size).toBe(header.length);
    return rows.map((row) => {
      expect(row).toHaveLength(header.length);
      return Object.fromEntries(row.map((cell, index) => [header[index] ?? '', cell]));
    });
  }

  test('has a row a record, from which the record comes back', async () => {
    const lines = linesWith(() => ({ invoking_user: 'Ann "the" Smith, Jr.\r\nLondon' }));
    const rows = await table(lines);
    expect(rows).toHaveLength(lines.length);
    for (const [index, row] of rows.entries()) {
      const record = JSON.parse(lines[index] ?? '') as AuditRecord & Record<string, unknown>;
      const { payload, budget, seq, v, event_id, ...texts } = record;
      expect(row).toMatchObject(texts);
      expect(JSON.parse(row['payload'] ?? '')).toEqual(payload);
      expect([row['seq'], row['v'], row['event_id']].map(Number)).toEqual([seq, v, event_id]);
      for (const [name, value] of Object.entries(budget)) expect(Number(row[name])).toBe(value);
      expect(Object.keys(row)).toHaveLength(Object.keys(record).length - 1 + Object.keys(budget).length);
    }
  });

  test.each(['=1+1', '+1', '-1', '@SUM(A1)', '\tx', '\rx', '\nx', '\0x', '＝1'])('%j is no formula', async (text) => {
    const rows = await table(linesWith(() => ({ invoking_user: text })));
    expect(rows[0]?.['invoking_user']).toBe(`'${text}`);
  });

  test('has cells for what a newer version leaves out', async () => {
    const [row] = await table(['{"event":"x","seq":0,"session_id":"s"}']);
    expect(row).toMatchObject({ session_id: 's', seq: '0', event: 'x', payload: '', usd_used: '', hash: '' });
  });

  test('of nothing is nothing: no header', async () => {
    expect(await formatted('csv', [])).toEqual([]);
  });
});

describe('ocsf', () => {
  interface Fingerprint {
    readonly algorithm_id: number;
    readonly serialization_id: number;
    readonly value: string;
  }
  interface Attestation {
    readonly chain_uid: string;
    readonly prev_event?: { readonly uid: string; readonly type_uid: number; readonly fingerprint: Fingerprint };
    fingerprint?: Fingerprint;
  }
  interface OcsfEvent {
    readonly [name: string]: unknown;
    readonly class_uid: number;
    readonly activity_id: number;
    readonly type_uid: number;
    readonly metadata: { readonly uid: string };
    readonly attestation_list: readonly [Attestation];
  }

  async function events(lines: readonly string[]): Promise<OcsfEvent[]> {
    return (await formatted('ocsf', lines)).map((line) => JSON.parse(line) as OcsfEvent);
  }

  /** Required in all classes, and in the two that we use: from the schema of OCSF. */
  const REQUIRED = ['activity_id', 'category_uid', 'class_uid', 'metadata', 'severity_id', 'time', 'type_uid'];
  const REQUIRED_OF: Readonly<Record<number, readonly string[]>> = {
    0: [],
    6002: ['app'],
    6003: ['actor', 'api', 'src_endpoint'],
  };

  const denied = { tool: 'wipe', call_id: 'c', reason: 'not_registered', asi: 'ASI03', why: 'It is not.', args: {} };
  const lines = [
    ...sampleLines(sampleSession('one', 1)),
    ...linesWith(({ event }) =>
      event === 'tool_call'
        ? { event: 'tool_denied', payload: denied }
        : event === 'tool_admitted'
          ? { event: 'new' }
          : {},
    ),
  ];

  test('has what the schema requires, and ids that fit each other', async () => {
    const found = await events(lines);
    expect(found.map(({ class_uid: uid }) => uid)).toEqual([6002, 6003, 6003, 6002, 6002, 0, 6003, 6002]);
    for (const [index, event] of found.entries()) {
      const record = JSON.parse(lines[index] ?? '') as AuditRecord & { readonly hash: string };
      for (const name of [...REQUIRED, ...(REQUIRED_OF[event.class_uid] ?? ['?'])]) expect(event).toHaveProperty(name);
      expect(event.type_uid).toBe(event.class_uid * 100 + event.activity_id);
      expect(event['category_uid']).toBe(Math.floor(event.class_uid / 1000));
      expect(event).toMatchObject({
        time: Date.parse(record.ts),
        metadata: {
          version: '1.9.0-dev',
          product: { name: 'aegrail' },
          uid: record.hash,
          original_event_uid: `${record.session_id}/${record.seq}`,
          sequence: record.seq,
          event_code: record.event,
        },
        actor: { user: { name: 'ada@acme.com' }, session: { uid: record.session_id } },
        unmapped: { payload: record.payload, budget: record.budget, hash: record.hash, run_id: record.run_id },
      });
    }
  });

  test('says what was called, and how it ended', async () => {
    const [started, admitted, called, ended, , , refused] = await events(lines);
    expect(started).toMatchObject({
      activity_name: 'Start',
      app: { name: 'support-bot', version: 'v1' },
      ai_agent: { ai_model: { ai_provider: 'openai', name: 'gpt-5-mini' } },
    });
    expect(admitted).toMatchObject({
      activity_id: 99,
      activity_name: 'tool_admitted',
      status_id: 1,
      api: { operation: 'refund' },
    });
    expect(called).toMatchObject({
      status_id: 1,
      status_code: 'ok',
      api: { request: { uid: 'call_0' }, response: { message: 'ok' } },
    });
    expect(ended).toMatchObject({ activity_name: 'Stop', status_id: 1, status_code: 'answered' });
    expect(refused).toMatchObject({
      severity_id: 3,
      status_id: 2,
      status_code: 'not_registered',
      status_detail: 'It is not.',
      api: { operation: 'wipe' },
    });
  });

  test('has a chain a session over the events themselves, as record_integrity wants it', async () => {
    const texts = await formatted('ocsf', lines);
    let previous: OcsfEvent | undefined;
    for (const text of texts) {
      expect(canonicalize(JSON.parse(text))).toBe(text);
      const event = JSON.parse(text) as OcsfEvent;
      const [attestation] = event.attestation_list;
      const { fingerprint, chain_uid: chain, prev_event: link } = attestation;
      const isFirst = previous?.attestation_list[0].chain_uid !== chain;
      expect(link).toEqual(
        isFirst || previous === undefined
          ? undefined
          : {
              uid: previous.metadata.uid,
              type_uid: previous.type_uid,
              fingerprint: previous.attestation_list[0].fingerprint,
            },
      );
      expect(fingerprint).toMatchObject({ algorithm_id: 3, serialization_id: 2 });
      previous = structuredClone(event);
      delete attestation.fingerprint;
      expect(fingerprint?.value).toBe(hex(canonicalize(event) ?? ''));
    }
  });
});

test('jsonl is the lines as they are', async () => {
  const lines = sampleLines(sampleSession('s', 2));
  expect(await formatted('jsonl', lines)).toEqual(lines);
});

describe('otlp', () => {
  interface Request {
    readonly resourceLogs?: readonly { readonly scopeLogs: readonly { readonly logRecords: readonly LogRecord[] }[] }[];
    readonly resourceSpans?: readonly { readonly scopeSpans: readonly { readonly spans: readonly unknown[] }[] }[];
  }
  interface LogRecord {
    readonly attributes: readonly { readonly key: string; readonly value: { readonly stringValue?: string } }[];
  }

  test('has each record once as a log, in order, and what ended as spans', async () => {
    const lines = sampleLines(sampleSession('s', 600));
    const requests = (await formatted('otlp', lines)).map((line) => JSON.parse(line) as Request);
    const logs = requests.flatMap(({ resourceLogs = [] }) =>
      resourceLogs.flatMap(({ scopeLogs }) => scopeLogs.flatMap(({ logRecords }) => logRecords)),
    );
    const hashes = logs.map(
      ({ attributes }) => attributes.find(({ key }) => key === 'aegrail.hash')?.value.stringValue,
    );
    expect(hashes).toEqual(lines.map((line) => (JSON.parse(line) as { hash: string }).hash));
    const spans = requests.flatMap(({ resourceSpans = [] }) =>
      resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans)),
    );
    // 600 calls, and the session.
    expect(spans).toHaveLength(601);
    // No request is so large that a collector would refuse it.
    for (const request of requests) expect(JSON.stringify(request).length).toBeLessThan(1_000_000);
  });

  test('has no request of traces when nothing ended', async () => {
    const [first = ''] = sampleLines(sampleSession('s', 0));
    expect(await formatted('otlp', [first])).toHaveLength(1);
  });
});
