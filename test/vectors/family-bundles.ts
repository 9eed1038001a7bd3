import { closeLog } from '../../src/audit/close-log.ts';
import type { AuditRecord, Events } from '../../src/core/record.ts';
import { foldRecords } from '../../src/core/stored-log.ts';
import { entryText } from '../../src/signing/entry.ts';
import { FIRST } from './bundle-keys.ts';
import { filesOf, headOf, notesOf, type Parts } from './bundle-parts.ts';
import { FIRST_MS } from './bundle-sessions.ts';
import { FAMILY_CONTRACTS } from './family-contracts.ts';
import { CHIEF_ID, CLERK_ID, type Family, family, FIRST_ID, SECOND_ID, type Told } from './family-sessions.ts';
import { type InvalidBundle, ofFamily } from './invalid-bundle.ts';
import { chained, RUN } from './play.ts';
import { KEY_ADDED, TRUSTING, type ValidBundle } from './valid-bundles.ts';

/** Bundles of sessions that work for others: "Sessions that work for others" in docs/AUDIT.md. */

const WHOLE = family();

function partsOf(logs: Partial<Family> & { readonly impostor?: readonly AuditRecord[] }, query: Parts['query'] = {}): Parts {
  const sessions = Object.values(logs).map((records) => chained(records));
  const entries = [KEY_ADDED, ...sessions.map((session) => headOf(session))].map(entryText);
  const signings = [
    { size: 1, time: '2026-02-01T08:00:00.000Z', by: FIRST },
    { size: entries.length, time: '2026-02-01T08:02:00.000Z', by: FIRST },
  ];
  return { query, sessions, tree: { entries, notes: notesOf(entries, signings), keys: [FIRST] }, contracts: FAMILY_CONTRACTS };
}

/** What `aegrail audit export ID --tree` asks for. */
const TREE: Parts['query'] = { session: CHIEF_ID, below: true };

/** Some of the sessions of a log of logs. */
function outOf(logs: Family, names: readonly (keyof Family)[], query: Parts['query']): Parts {
  return { ...partsOf(logs, query), sessions: names.map((name) => chained(logs[name])) };
}

export function validFamilies(): readonly ValidBundle[] {
  const of = (name: string, parts: Parts): ValidBundle => ({
    name: `bundles/valid/${name}`,
    base: name === 'family' ? null : 'bundles/valid/family',
    files: filesOf(parts),
    ...TRUSTING,
  });
  return [
    of('family', partsOf(WHOLE)),
    of('session-and-all-below-it', partsOf(WHOLE, TREE)),
    // Its parent and its sibling are in the log of logs, and not asked for.
    of('sub-agent-and-all-below-it', outOf(WHOLE, ['second', 'clerk'], { session: SECOND_ID, below: true })),
    of('sub-agent-without-its-parent', partsOf({ first: WHOLE.first }, { session: FIRST_ID })),
    of('parent-without-its-sub-agents', partsOf({ chief: WHOLE.chief }, { session: CHIEF_ID })),
    of('parent-read-before-it-delegated', partsOf({ ...WHOLE, chief: WHOLE.chief.slice(0, 9) })),
    of('sub-agent-settled-before-its-log-was-closed', partsOf({ ...WHOLE, chief: settledEarly(), second: terminated(WHOLE.second.slice(0, 7)) })),
    of('sub-agent-still-running', partsOf({ ...WHOLE, second: WHOLE.second.slice(0, 6) })),
    of('older-sub-agents', partsOf(older())),
  ];
}

/** Both are said to have come to more than their logs: of what was in flight nobody knew the end. */
function settledEarly(): readonly AuditRecord[] {
  const early = (seq: number): object => {
    const { posted, agent } = ended(seq);
    return { ok: false, outcome: 'error', posted: { ...posted, usd_nano: posted.usd_nano + 1 }, agent: { ...agent, outcome: 'terminated' } };
  };
  return family({ chief: { 12: early(12), 13: early(13) } }).chief;
}

function terminated(records: readonly AuditRecord[]): readonly AuditRecord[] {
  const log = foldRecords(records)!;
  const closing = { status: 'terminated', runId: RUN, eventId: 31, closedMs: FIRST_MS + 9_500, by: 'ops@acme.com', reason: null } as const;
  return [...records, ...closeLog(records[0]!, log, closing)];
}

/** Of a release that neither told which tools a sub-agent may call, nor handed anything down. */
function older(): Family {
  const from = (records: readonly AuditRecord[]): readonly AuditRecord[] =>
    records.map((record) => {
      if (record.event === 'session_started') {
        const { above: _, ...payload } = record.payload;
        return { ...record, payload: { ...payload, contract_sha256: OLD } };
      }
      if (record.event === 'tool_admitted' && record.payload.agent) {
        const { tools: _, ...agent } = record.payload.agent;
        return { ...record, payload: { ...record.payload, agent } };
      }
      if (record.event !== 'tool_call' || !record.payload.agent) return record;
      const { session_id, outcome } = record.payload.agent;
      return { ...record, payload: { ...record.payload, agent: { session_id, outcome } } };
    });
  const { chief, first, second, clerk } = WHOLE;
  return { chief: from(chief), first: from(first), second: from(second), clerk: from(clerk) };
}

/** A contract that is not in the bundle. */
const OLD = '0'.repeat(64);

/** How the chief ends a call. */
function ended(seq: number): Events['tool_call'] {
  return WHOLE.chief[seq]!.payload as Events['tool_call'];
}

/** Bundles in which two sessions say different things. */
export function wrongFamilies(): readonly InvalidBundle[] {
  const start = WHOLE.first[0]!.payload as Events['session_started'];
  const { limits, above, chain } = start as Required<typeof start>;
  const { posted, agent } = ended(13) as Required<Events['tool_call']>;
  const given = (WHOLE.chief[8]!.payload as Required<Events['tool_admitted']>).agent;
  const wrong = (name: string, told: Told): InvalidBundle => ofFamily(name, partsOf(family(told)), 'wrong_delegation');
  const first = (name: string, payload: Partial<Events['session_started']>): InvalidBundle => wrong(name, { first: { 0: payload } });
  const tools = (more: object): typeof above => ({ ...above, tools: { ...above.tools, ...more } });
  const end = (name: string, payload: Partial<Events['tool_call']>): InvalidBundle => wrong(name, { chief: { 13: payload } });
  const { parent: _, ...orphan } = start;
  const orphaned = WHOLE.first.map((record) => (record.seq === 0 ? { ...record, payload: orphan } : record)) as readonly AuditRecord[];
  const other = (name: string, changed: object): InvalidBundle => {
    const { agent: told } = WHOLE.chief[8]!.payload as Required<Events['tool_admitted']>;
    // The session below has nothing to hand down to, and nothing that it was handed down.
    return ofFamily(name, partsOf({ chief: family({ chief: { 8: { agent: { ...told, ...changed } } } }).chief.slice(0, 9) }), 'other_contract');
  };
  return [
    ofFamily('session-below-missing', outOf(WHOLE, ['chief', 'first', 'second'], TREE), 'session_missing'),
    ofFamily('below-without-a-session', partsOf(WHOLE, { below: true }), 'bad_manifest'),
    ofFamily('below-that-is-not-true', partsOf(WHOLE, { ...TREE, below: false } as object), 'bad_manifest'),
    first('sub-agent-with-other-tokens', { limits: { ...limits, tokens: 3_501 } }),
    first('sub-agent-with-less-usd', { limits: { ...limits, usd: 0.009 } }),
    first('sub-agent-with-fewer-tool-calls', { limits: { ...limits, max_tool_calls: 5 } }),
    first('sub-agent-with-another-depth-allowed', { limits: { ...limits, max_recursion_depth: 1 } }),
    wrong('sub-agent-with-more-time', { clerk: { 0: { limits: { ...(WHOLE.clerk[0]!.payload as typeof start).limits, wall_seconds: 60.001 } }, ...untilLater() } }),
    first('sub-agent-at-another-depth', { recursion_depth: 2 }),
    first('sub-agent-of-another-chain', { chain: chain.map((principal) => principal.replace('0123', '3210')) }),
    first('sub-agent-without-a-chain', { chain: [] }),
    wrong('sub-agent-with-a-shorter-chain', { clerk: { 0: { chain: (WHOLE.clerk[0]!.payload as typeof start).chain!.slice(1) } } }),
    first('sub-agent-of-a-tool-call', { parent: { session_id: CHIEF_ID, seq: 4 } }),
    first('sub-agent-of-the-call-of-another', { parent: { session_id: CHIEF_ID, seq: 9 } }),
    impostor('sub-agent-that-nobody-called', 8),
    impostor('sub-agent-of-no-record', 99),
    first('sub-agent-of-another-session', { parent: { session_id: CLERK_ID, seq: 4 } }),
    ofFamily('sub-agent-that-names-no-parent', partsOf({ ...WHOLE, first: orphaned }), 'wrong_delegation'),
    ofFamily('sub-agent-that-was-handed-nothing-down', partsOf({ ...WHOLE, first: withoutAbove() }), 'wrong_delegation'),
    first('above-of-fewer-usd', { above: { ...above, used: { ...above.used, usd_nano: above.used.usd_nano - 1 } } }),
    first('above-of-fewer-tool-calls', { above: { ...above, used: { ...above.used, tool_calls: 1 } } }),
    first('above-of-fewer-denied', { above: { ...above, denied: 0 } }),
    first('above-of-another-count', { above: tools({ lookup_order: { admitted: 2, in_flight: 0 } }) }),
    first('above-of-fewer-in-flight', { above: tools({ research: { admitted: 1, in_flight: 0 } }) }),
    first('above-of-a-tool-more', { above: tools({ refund: { admitted: 1, in_flight: 0 } }) }),
    end('sub-agent-posted-for-less', { posted: { ...posted, usd_nano: posted.usd_nano - 1 } }),
    end('sub-agent-posted-without-its-call', { posted: { ...posted, tool_calls: posted.tool_calls - 1 } }),
    end('sub-agent-called-less', { agent: { ...agent, calls: {} } }),
    end('sub-agent-called-more', { agent: { ...agent, calls: { lookup_order: 2 } } }),
    end('sub-agent-called-another', { agent: { ...agent, calls: { refund: 1 } } }),
    end('sub-agent-denied-less', { agent: { ...agent, denied: 0 } }),
    end('sub-agent-not-started-with-a-log', { outcome: 'not_started', posted: { usd_nano: 0, tokens: 0, tool_calls: 0 }, agent: { session_id: FIRST_ID, outcome: 'none' } }),
    // What its own parent says above it is another thing then too.
    ofFamily('clerk-called-less', partsOf(family({ second: { 6: { agent: { session_id: CLERK_ID, outcome: 'answered', calls: {}, denied: 1 } } } })), 'wrong_delegation', 'wrong_delegation'),
    other('agent-of-other-tools', { tools: ['lookup_order'] }),
    other('agent-of-tools-in-another-order', { tools: given.tools!.toReversed() }),
    other('agent-of-tools-that-are-not-told', { tools: undefined }),
  ];
}

/** Beside the first, one that is as it in all but its id. */
function impostor(name: string, seq: number): InvalidBundle {
  const session_id = 'sess_x';
  const records = WHOLE.first.map((record): AuditRecord => {
    if (record.event !== 'session_started') return { ...record, session_id };
    return { ...record, session_id, payload: { ...record.payload, workflow_id: session_id, parent: { session_id: CHIEF_ID, seq } } };
  });
  return ofFamily(name, partsOf({ ...WHOLE, impostor: records }), 'wrong_delegation');
}

/** Its deadline is later then. */
function untilLater(): Record<number, object> {
  const admissions = WHOLE.clerk.filter((record) => record.event === 'llm_admitted' || record.event === 'tool_admitted');
  return Object.fromEntries(admissions.map(({ seq, payload }) => [seq, { until_ms: payload.until_ms + 1 }]));
}

function withoutAbove(): readonly AuditRecord[] {
  return WHOLE.first.map((record) => {
    if (record.event !== 'session_started') return record;
    const { above: _, ...payload } = record.payload;
    return { ...record, payload };
  });
}
