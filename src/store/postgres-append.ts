import type { Chained, Sha256 } from '../core/chain.ts';
import type { AuditRecord } from '../core/record.ts';
import { type Head, isAdmitted, NO_HEAD, planAppend } from './append.ts';
import type { Ask } from './postgres-ask.ts';
import type { PostgresStatements } from './postgres-sql.ts';
import { fromText, toText } from './postgres-text.ts';
import type { Appended, Claim, Store } from './store.ts';

const UNIQUE_VIOLATION = '23505';

/** A session's head, and its stored lines that were asked for. */
interface Stored {
  readonly head: Head;
  readonly lines: ReadonlyMap<number, string>;
}

/** {@link Store.append} for one schema; this process's appends to one session are to be given to it one after another. */
export function postgresAppend(ask: Ask, sql: PostgresStatements, sha256: Sha256): Store['append'] {
  async function read(sessionId: string, seqs: readonly number[]): Promise<Stored> {
    const { rows } = await ask(sql.head, [toText(sessionId), seqs]);
    const [first] = rows;
    if (first === undefined) return { head: NO_HEAD, lines: new Map() };
    const stored = rows.filter(({ seq }) => seq !== null);
    return {
      head: {
        seq: Number(first['last_seq']),
        hash: String(first['last_hash']),
        event: fromText(String(first['last_event'])),
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
    const { ts: started, agent_identity, invoking_user } = records[0]!;
    const { seq, hash, ts, event } = records.at(-1)!;
    const values = [
      toText(sessionId),
      records.map((record) => record.seq),
      added.map(({ line }) => line),
      seq,
      hash,
      toText(ts),
      toText(event),
      claimSeq,
    ];
    try {
      const { rowCount } =
        head.seq === NO_HEAD.seq
          ? await ask(sql.begin, [...values, ...[started, agent_identity, invoking_user].map(toText)])
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

  return append;
}

function isClaimedBefore(error: unknown): boolean {
  const { code, table } = error as { readonly code?: unknown; readonly table?: unknown };
  return code === UNIQUE_VIOLATION && table === 'claims';
}

function missing(sessionId: string, seq: number): never {
  throw new Error(`record ${seq} of session ${sessionId} is missing, and later ones are there`);
}
