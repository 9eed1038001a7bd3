import { createHash } from 'node:crypto';
import type { HeadEntry } from '../../src/core/entry.ts';
import { appendHash, emptyRange, leafHash, type Range, rootOfRange, type Sha256Bytes } from '../../src/core/merkle.ts';
import type { AuditRecord } from '../../src/core/record.ts';
import { checkpointHash, formatCheckpoint, NO_PREVIOUS } from '../../src/signing/checkpoint.ts';
import { entryText, signEntry, userHash } from '../../src/signing/entry.ts';
import { generateSkey, parseSkey } from '../../src/signing/key.ts';
import { formatNote, signNote } from '../../src/signing/note.ts';
import type { Store } from '../../src/store/store.ts';

const ORIGIN = 'example.com/bench';
const START_MS = Date.parse('2026-01-01T00:00:00.000Z');
const MINUTE_MS = 60_000;
const USER = 'ann@acme.com';
const AGENT = 'bot/v1';
/** So many records are appended in one transaction. */
const BATCH_RECORDS = 1_000;

const sha256: Sha256Bytes = (data) => createHash('sha256').update(data).digest();

/** How large a store is to be made. */
export interface Size {
  readonly sessions: number;
  readonly recordsOfEach: number;
}

/**
 * Fills a store through its own interface: sessions with valid chains, an entry every 256 records, and a signed checkpoint
 * a minute of the sessions' time.
 */
export async function fillStore(store: Store, { sessions, recordsOfEach }: Size, say: (line: string) => void) {
  const tree = await beginTree(store);
  for (let number = 0; number < sessions; number++) {
    const id = `sess_${START_MS}_${String(number).padStart(12, '0')}`;
    const startMs = START_MS + number * MINUTE_MS;
    for (let from = 0; from < recordsOfEach; from += BATCH_RECORDS) {
      const to = Math.min(recordsOfEach, from + BATCH_RECORDS);
      const batch = Array.from({ length: to - from }, (_, index) => recordOf(id, startMs, from + index));
      const { added } = await store.append(id, batch);
      for (const { seq, ts, hash } of added) if (seq % 256 === 255) await tree.add(headOf(id, startMs, seq, ts, hash));
    }
    await tree.checkpoint(startMs);
    if (number % 10 === 9) say(`${number + 1} of ${sessions} sessions`);
  }
}

async function beginTree({ tree }: Store) {
  const key = parseSkey(generateSkey(ORIGIN));
  let range: Range = emptyRange();
  let number = 0;
  let previous = NO_PREVIOUS;
  const append = async (text: string): Promise<void> => {
    if (!(await tree.append(range.size, [text], []))) throw new Error('somebody else writes to the tree');
    range = appendHash(range, leafHash(Buffer.from(text), sha256), sha256);
  };
  const at = timeOf(START_MS);
  await append(entryText(signEntry({ v: 1, kind: 'key_added', at, key: key.verifier.vkey }, [key])));
  return {
    add: (entry: HeadEntry) => append(entryText(entry)),
    async checkpoint(atMs: number) {
      const root = Buffer.from(rootOfRange(range, sha256)).toString('hex');
      const place = { origin: ORIGIN, size: range.size, number, previous };
      const text = formatCheckpoint({ ...place, root, time: timeOf(atMs), cadenceSeconds: 60 });
      await tree.addCheckpoint(number, formatNote(text, [signNote(text, key)]));
      previous = checkpointHash(text);
      number += 1;
    },
  };
}

/** A start, and then calls of a tool: what an agent's log is mostly made of. */
function recordOf(id: string, startMs: number, seq: number): AuditRecord {
  const record = {
    v: 1,
    ts: timeOf(startMs + seq * 20),
    seq,
    session_id: id,
    run_id: '0195b2c4-1111-7222-8333-444455556666',
    event_id: 3 + seq,
    agent_identity: AGENT,
    invoking_user: USER,
    principal: `${AGENT}@${id}`,
    budget: {
      tokens_used: seq * 800,
      usd_used: (seq * 123_457) / 1e9,
      tool_calls: Math.floor(seq / 2),
      recursion_depth: 0,
      wall_elapsed: seq / 50,
      tokens_reserved: 0,
      usd_reserved: 0,
      tool_calls_reserved: seq % 2,
    },
    ...(seq === 0 ? START : seq % 2 === 1 ? admission(seq) : end(seq)),
  };
  return record as AuditRecord;
}

const START = {
  event: 'session_started',
  payload: { contract_sha256: createHash('sha256').update('contract').digest('hex'), model: 'openai/gpt-5-mini' },
};

function admission(seq: number) {
  return {
    event: 'tool_admitted',
    payload: {
      tool: 'lookup_order',
      call_id: `call_${seq}`,
      attempt: 1,
      digest: createHash('sha256').update(`${seq}`).digest('hex'),
      args: { keys: [{ key: 'id', bytes: 8 }], bytes: 17 },
      reserved: { usd_nano: 0, tokens: 0, tool_calls: 1 },
      until_ms: START_MS + 86_400_000,
      timeout_ms: 20_000,
    },
  };
}

function end(seq: number) {
  return {
    event: 'tool_call',
    payload: {
      reservation: seq - 1,
      tool: 'lookup_order',
      call_id: `call_${seq - 1}`,
      ok: true,
      outcome: 'ok',
      posted: { usd_nano: 0, tokens: 0, tool_calls: 1 },
      result: { bytes: 512 },
      elapsed_ms: 12,
    },
  };
}

function headOf(id: string, startMs: number, seq: number, ts: string, hash: string): HeadEntry {
  const common = { v: 1, kind: 'head', session_id: id, agent_identity: AGENT } as const;
  return { ...common, user_sha256: userHash(id, USER), started: timeOf(startMs), ts, seq, hash, ended: false };
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString();
}
