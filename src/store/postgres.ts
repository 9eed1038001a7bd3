import { hash as digest } from 'node:crypto';
import type { Chained, Sha256 } from '../core/chain.ts';
import { AegrailError } from '../core/errors.ts';
import type { AuditRecord, ChainedRecord } from '../core/record.ts';
import { type Head, isAdmitted, NO_HEAD, planAppend } from './append.ts';
import { connectPostgres, type PostgresDatabase, reasonOf } from './postgres-connection.ts';
import { migratePostgres } from './postgres-migrations.ts';
import { fromText, postgresSql, toText } from './postgres-sql.ts';
import type { Appended, Claim, Store } from './store.ts';
import { createTurns } from './turns.ts';

/** How many records are read at a time: constant memory, whatever the length of a session. */
const PAGE_RECORDS = 500;

/** SQLSTATEs that a person must put right: wrong user or password, no such database, no right to create. */
const REFUSED = /^(28...|3D000|42501)$/;

const UNIQUE_VIOLATION = '23505';

const sha256: Sha256 = (text) => digest('sha256', text, 'hex');

/** What a query gave. */
interface Result {
  readonly rows: readonly Readonly<Record<string, unknown>>[];
  readonly rowCount: number | null;
}

/** A session's head, and its stored lines that were asked for. */
interface Stored {
  readonly head: Head;
  readonly lines: ReadonlyMap<number, string>;
}

/**
 * A store in a schema of a PostgreSQL database (12 or newer), for workers on many machines. Every change is on disk when
 * its promise resolves. After the server was away the store goes on by itself; meanwhile it throws AUDIT_UNAVAILABLE.
 *
 * @param url `postgres://user:password@host:port/database?sslmode=…&schema=…`; the schema is `aegrail` when none is named
 * @throws AegrailError CONFIG_INVALID when the url is wrong, the server refuses the role, or the schema is another
 *   program's or a newer release's; AUDIT_UNAVAILABLE when the server can't be reached
 */
export async function openPostgresStore(url: string): Promise<Store> {
  const database = connectPostgres(url);
  try {
    await migratePostgres(database);
  } catch (error) {
    await database.pool.end();
    if (error instanceof AegrailError) throw error;
    const code = REFUSED.test(String((error as { code?: unknown }).code)) ? 'CONFIG_INVALID' : 'AUDIT_UNAVAILABLE';
    throw new AegrailError(code, `the store ${database.name} can not be opened: ${reasonOf(error)}`, { cause: error });
  }
  return storeIn(database);
}

function storeIn({ pool, schema, name }: PostgresDatabase): Store {
  const sql = postgresSql(schema);
  const inTurn = createTurns();

  /** Runs a query. A store that fails says which one it is. */
  async function run<T>(query: () => Promise<T>): Promise<T> {
    try {
      return await query();
    } catch (error) {
      if (error instanceof AegrailError) throw error;
      throw new AegrailError('AUDIT_UNAVAILABLE', `the store ${name} failed: ${reasonOf(error)}`, { cause: error });
    }
  }

  /** One statement, which is a transaction of its own. */
  async function ask(statement: string, values: readonly unknown[]): Promise<Result> {
    return pool.query<Record<string, unknown>>(statement, [...values]);
  }

  async function read(sessionId: string, seqs: readonly number[]): Promise<Stored> {
    const { rows } = await ask(sql.head, [toText(sessionId), seqs]);
    const [first] = rows;
    if (first === undefined) return { head: NO_HEAD, lines: new Map() };
    const stored = rows.filter(({ seq }) => seq !== null);
    return {
      head: {
        seq: Number(first['last_seq']),
        hash: String(first['last_hash']),
        event: String(first['last_event']),
      },
      lines: new Map(stored.map(({ seq, line }) => [Number(seq), String(line)])),
    };
  }

  /**
   * Writes what was chained to `head`, all of it, and claims a call. Nothing of it is written when the head has moved
   * since, or the call was claimed before.
   */
  async function write(
    sessionId: string,
    head: Head,
    added: readonly Chained[],
    claimSeq: number | null,
  ): Promise<'written' | 'moved' | 'again'> {
    if (added.length === 0) return claimSeq === null || (await claimAlone(sessionId, claimSeq)) ? 'written' : 'again';
    const records = added.map(({ record }) => record);
    const { ts, seq, hash } = { ...records.at(-1)!, ts: records[0]!.ts };
    const values = [
      toText(sessionId),
      records.map((record) => record.seq),
      records.map((record) => toText(record.ts)),
      records.map((record) => toText(record.event)),
      records.map((record) => record.hash),
      added.map(({ line }) => line),
      seq,
      hash,
      claimSeq,
    ];
    try {
      const { rowCount } =
        head.seq === NO_HEAD.seq
          ? await ask(sql.begin, [...values, toText(ts)])
          : await ask(sql.extend, [...values, head.seq, head.hash]);
      return rowCount === added.length ? 'written' : 'moved';
    } catch (error) {
      if (isClaimedBefore(error)) return 'again';
      throw error;
    }
  }

  async function claimAlone(sessionId: string, seq: number): Promise<boolean> {
    return (await ask(sql.claim, [toText(sessionId), seq])).rowCount === 1;
  }

  /**
   * Reads, chains, and writes if nobody else did meanwhile: the head's row is locked for the one statement alone, so a
   * worker that dies or is cut off never leaves a session locked. Another worker that comes second chains again to the
   * new head; this one's own appends to a session take turns, in the order in which they were asked for.
   */
  async function append(sessionId: string, records: readonly AuditRecord[], claim?: Claim): Promise<Appended> {
    const seqs = records.map(({ seq }) => seq);
    if (claim) seqs.push(claim.seq);
    for (;;) {
      const { head, lines } = await read(sessionId, seqs);
      const lineAt = (seq: number): string => lines.get(seq) ?? missing(sessionId, seq);
      const added = planAppend(sessionId, records, head, lineAt, sha256);
      if (claim && !isAdmitted(claim, head, added, lineAt)) {
        return { added: [], lastSeq: head.seq, claimed: 'not_admitted' };
      }
      const end = await write(sessionId, head, added, claim?.seq ?? null);
      if (end === 'again') return { added: [], lastSeq: head.seq, claimed: 'again' };
      if (end === 'written') {
        const lastSeq = head.seq + added.length;
        return { added: added.map(({ record }) => record), lastSeq, claimed: claim ? 'first' : null };
      }
    }
  }

  async function* pages(sessionId: string, fromSeq = 0): AsyncGenerator<ChainedRecord, void, undefined> {
    for (let from = fromSeq; ;) {
      const { rows } = await run(() => ask(sql.page, [toText(sessionId), from, PAGE_RECORDS]));
      for (const { line } of rows) yield parse(line);
      if (rows.length < PAGE_RECORDS) return;
      from = Number(rows.at(-1)?.['seq']) + 1;
    }
  }

  async function valueOf(statement: string, column: string, values: readonly unknown[]): Promise<unknown> {
    const { rows } = await run(() => ask(statement, values));
    return rows[0]?.[column] ?? null;
  }

  async function put(statement: string, values: readonly unknown[]): Promise<void> {
    await run(() => ask(statement, values));
  }

  return {
    append: (sessionId, records, claim) => run(() => inTurn(sessionId, () => append(sessionId, records, claim))),
    async record(sessionId, seq) {
      const line = await valueOf(sql.line, 'line', [toText(sessionId), seq]);
      return line === null ? null : parse(line);
    },
    records: pages,
    async sessions(limit) {
      const { rows } = await run(() => ask(sql.sessions, [limit]));
      return rows.map((row) => fromText(String(row['session_id'])));
    },
    async putBlob(sessionId, bytes) {
      const key = digest('sha256', bytes, 'hex');
      await put(sql.putBlob, [toText(sessionId), key, bytes]);
      return key;
    },
    getBlob: async (sessionId, key) =>
      (await valueOf(sql.getBlob, 'bytes', [toText(sessionId), key])) as Uint8Array | null,
    async putContract(canonicalJson) {
      const key = sha256(canonicalJson);
      await put(sql.putContract, [key, canonicalJson]);
      return key;
    },
    getContract: async (key) => (await valueOf(sql.getContract, 'json', [key])) as string | null,
    async close() {
      if (!pool.ending) await pool.end();
    },
  };
}

function isClaimedBefore(error: unknown): boolean {
  const { code, table } = error as { readonly code?: unknown; readonly table?: unknown };
  return code === UNIQUE_VIOLATION && table === 'claims';
}

function missing(sessionId: string, seq: number): never {
  throw new Error(`record ${seq} of session ${sessionId} is missing, and later ones are there`);
}

function parse(line: unknown): ChainedRecord {
  return JSON.parse(String(line)) as ChainedRecord;
}
