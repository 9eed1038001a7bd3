import { hash } from 'node:crypto';
import { attenuate } from '../src/core/attenuate.ts';
import { canonicalJson } from '../src/core/canonical.ts';
import type { Contract, Grant } from '../src/core/contract.ts';
import { AegrailError } from '../src/core/errors.ts';
import type { ParentCall } from '../src/core/record-parts.ts';
import type { AuditRecord } from '../src/core/record.ts';
import { handDown } from '../src/core/session-facts.ts';
import { grantOf, wireFacts } from '../src/core/session-state.ts';
import type { Delegation } from '../src/core/start-input.ts';
import { foldLog, type StoredLog } from '../src/core/stored-log.ts';
import type { AgentCall, DelegatedFrom } from '../src/calls.ts';
import type { Store } from '../src/store/store.ts';
import type { ContractBook } from './contracts.ts';

/** What a session was given by the one that started it, as that one's own log has it. */
export interface Delegated {
  readonly from: DelegatedFrom;
  /** The agent's contract, as far as its parent's allows it. */
  readonly contract: Contract;
  readonly sha256: string;
  readonly grant: Grant;
  /** When its parent's wall clock runs out; milliseconds since the epoch. */
  readonly untilMs: number;
  /** SHA-256 of the call: who it is for and what is to be done. */
  readonly digest: string;
  readonly call: Omit<AgentCall, 'user' | 'task'>;
  readonly user: string;
  /** Whether its parent waits for it. */
  readonly isWaitedFor: boolean;
}

/**
 * Reads, in the log of its parent, by what right the session of a sub-agent runs. What it says of itself counts for
 * nothing: a session that was started in Temporal past its parent finds no record there.
 *
 * @throws AegrailError DELEGATION_REFUSED when the parent's log has no such call
 */
export async function readDelegation(
  store: Store,
  contracts: ContractBook,
  sessionId: string,
  parent: ParentCall,
): Promise<Delegated> {
  const log = await foldLog(store.records(parent.session_id));
  const admission = log && (await store.record(parent.session_id, parent.seq));
  if (!log || admission?.event !== 'tool_admitted' || admission.payload.agent?.session_id !== sessionId)
    throw refused(`the log of ${parent.session_id} does not have it at ${parent.seq}`);
  const { tool, digest, agent, until_ms } = admission.payload;
  const then = await foldLog(upTo(store.records(parent.session_id), parent.seq));
  const contractSha256 = then?.contractSha256 ?? '';
  const above = await contracts.bySha256(contractSha256);
  const source = above && Object.hasOwn(above.tools, tool) ? above.tools[tool]?.source : undefined;
  const named = source?.kind === 'agent' && source.contractSha256 === agent.contract_sha256 ? source : null;
  const own = named && (await contracts.bySha256(named.contractSha256));
  if (!above || !own) throw refused(`the contract of ${parent.session_id} lists no such agent`);
  const grant = grantOf(agent.limits);
  const depth = log.state.ledger.depth + 1;
  const contract = attenuate(above, own, depth < grant.recursionDepth);
  return {
    from: {
      parent,
      chain: [...log.principal.chain, log.principal.id],
      depth,
      above: await sessionsAbove(store, parent),
      ...(agent.tools && then ? { facts: wireFacts(handDown(then.state, parent.seq)) } : {}),
    },
    contract,
    sha256: hash('sha256', canonicalJson(contract), 'hex'),
    grant,
    untilMs: until_ms,
    digest,
    call: { contractSha256, tool, session: sessionId },
    user: log.principal.user,
    isWaitedFor: isWaitedFor(log, parent.seq),
  };
}

/** Checks that a start is the call that the parent's record admits. @throws AegrailError DELEGATION_REFUSED */
export function checkStart(
  { digest, call, user }: Delegated,
  given: { readonly user: string; readonly task: string },
  { salt }: Delegation,
): void {
  if (given.user !== user) throw refused('it is for another user than its parent');
  const said: AgentCall = { ...call, ...given };
  if (hash('sha256', canonicalJson({ call: said, kind: 'agent', salt }), 'hex') === digest) return;
  throw refused('its parent asked for something else');
}

/**
 * Whether the session above one waits for it no more. Then it goes on, after a reset too, only to get an end: else it would spend
 * what was settled.
 *
 * @throws AegrailError DELEGATION_REFUSED where it has an end
 */
export async function isOrphaned(store: Store, log: StoredLog | null): Promise<boolean> {
  if (!log?.parent) return false;
  const above = await foldLog(store.records(log.parent.session_id));
  if (above && isWaitedFor(above, log.parent.seq)) return false;
  if (log.state.ended) throw delegationOver();
  return true;
}

/** Nobody waits for what the session would do. */
export function delegationOver(): AegrailError {
  return refused('its parent does not wait for it, or for another agent');
}

function isWaitedFor({ inFlight }: StoredLog, seq: number): boolean {
  return inFlight.some((admission) => admission.seq === seq);
}

/** A session's records, as they were when it made one. */
async function* upTo(records: AsyncIterable<AuditRecord>, seq: number): AsyncIterable<AuditRecord> {
  for await (const record of records) {
    if (record.seq > seq) return;
    yield record;
  }
}

/** The sessions above one, its parent last: each one's first record names the next. */
async function sessionsAbove(store: Store, parent: ParentCall): Promise<string[]> {
  const above: string[] = [];
  for (let next: ParentCall | undefined = parent; next;) {
    above.unshift(next.session_id);
    const first: AuditRecord | null = await store.record(next.session_id, 0);
    next = first?.event === 'session_started' ? first.payload.parent : undefined;
    // Each is deeper than the one above it, so there is an end; a forged log may say otherwise.
    if (above.length > MAX_DEPTH) throw refused(`more than ${MAX_DEPTH} sessions are above it`);
  }
  return above;
}

const MAX_DEPTH = 64;

function refused(why: string): AegrailError {
  return new AegrailError('DELEGATION_REFUSED', `The session of this sub-agent does not run: ${why}.`);
}
