import { expect, test } from 'vitest';
import { contractFacts } from '../../src/audit/contract-facts.ts';
import { costCheck } from '../../src/audit/cost-check.ts';
import { ledgerCheck } from '../../src/audit/ledger-check.ts';
import { canonicalJson } from '../../src/core/canonical.ts';
import type { Contract } from '../../src/core/contract.ts';
import type { AuditRecord, Events } from '../../src/core/record.ts';
import { wireLimits } from '../../src/core/session-state.ts';
import {
  CONTRACT,
  CONTRACT_SHA256,
  type Emit,
  ended,
  playSession,
  pricedSession,
  sha256,
  started,
  STARTED_MS,
  toolAdmitted,
  toolDone,
} from './priced-session.ts';

/** A second version of the contract, with a tool more, and less to spend. */
const NEWER: Contract = {
  ...CONTRACT,
  version: 'v2',
  tools: { ...CONTRACT.tools, look: CONTRACT.tools['refund']! },
  limits: { ...CONTRACT.limits, toolCalls: 1, wallMs: 7_200_000 },
};
const NEWER_SHA256 = sha256(canonicalJson(NEWER));
const OTHER_AGENT: Contract = { ...NEWER, agent: 'clerk' };
const contracts = new Map(
  [CONTRACT, NEWER, OTHER_AGENT].map((contract) => {
    const json = canonicalJson(contract);
    return [sha256(json), contractFacts(Buffer.from(json))];
  }),
);

function migrated(change: Partial<Events['contract_migrated']> = {}): Events['contract_migrated'] {
  return {
    from_sha256: CONTRACT_SHA256,
    to_sha256: NEWER_SHA256,
    limits: wireLimits(NEWER.limits),
    model: 'openai/gpt-5-mini',
    tools: ['look', 'refund'],
    by: 'boss@acme.com',
    reason: null,
    authorization: null,
    ...change,
  };
}

const look = (untilMs: number): Events['tool_admitted'] => ({ ...toolAdmitted(untilMs), tool: 'look' });
const played = (payload: Events['contract_migrated'], after: (emit: Emit) => void): readonly AuditRecord[] =>
  playSession('s', (emit) => {
    emit('session_started', started('s'));
    emit('contract_migrated', payload);
    after(emit);
  });

/** The fault that the checks of costs and of the ledger find, and at which record. */
function faultIn(records: readonly AuditRecord[]): string | null {
  const contractOf = (named: string) => {
    const facts = contracts.get(named);
    return facts && !('why' in facts) ? facts : null;
  };
  const checks = [
    costCheck('s', { contractOf, onMissing: () => undefined, onChecked: () => undefined }),
    ledgerCheck(),
  ];
  for (const record of records) {
    const found = checks.map((check) => check(record, true)).find((fault) => fault !== null);
    if (found) return `${record.seq} ${found.fault}: ${found.why}`;
  }
  return null;
}

const deadline = STARTED_MS + NEWER.limits.wallMs;

test('a session that was moved is judged by the new contract: its tools, limits and deadline', () => {
  expect(pricedSession('s').length).toBeGreaterThan(3);
  const records = played(migrated(), (emit) => {
    emit('tool_admitted', look(deadline));
    emit('tool_call', { ...toolDone(2), tool: 'look' });
    emit('session_ended', ended(5));
  });
  expect(faultIn(records)).toBeNull();
});

test('a limit below what was spent is no fault, and spending more is', () => {
  const none = { ...NEWER, limits: { ...NEWER.limits, toolCalls: 0 } };
  const sha = sha256(canonicalJson(none));
  contracts.set(sha, contractFacts(Buffer.from(canonicalJson(none))));
  const play = (more: (emit: Emit) => void): readonly AuditRecord[] =>
    playSession('s', (emit) => {
      emit('session_started', started('s'));
      emit('tool_admitted', toolAdmitted(STARTED_MS + CONTRACT.limits.wallMs));
      emit('tool_call', toolDone(1));
      emit('contract_migrated', migrated({ to_sha256: sha, limits: wireLimits(none.limits) }));
      more(emit);
    });
  expect(faultIn(play((emit) => emit('session_ended', ended(5))))).toBeNull();
  expect(faultIn(play((emit) => emit('tool_admitted', look(deadline))))).toMatch(/^4 over_granted/);
});

test.each<[string, () => readonly AuditRecord[], RegExp]>([
  [
    'from another contract than it was under',
    () => played(migrated({ from_sha256: NEWER_SHA256 }), () => undefined),
    /^1 other_contract: from_sha256/,
  ],
  [
    "to another agent's contract",
    () => played(migrated({ to_sha256: sha256(canonicalJson(OTHER_AGENT)) }), () => undefined),
    /^1 other_contract: .*another agent/,
  ],
  [
    'with limits above those of the contract',
    () => played(migrated({ limits: { ...wireLimits(NEWER.limits), max_tool_calls: 2 } }), () => undefined),
    /^1 other_contract: limits\.max_tool_calls/,
  ],
  ['with other tools', () => played(migrated({ tools: ['look'] }), () => undefined), /^1 other_contract: tools/],
  [
    'with another model',
    () => played(migrated({ model: 'openai/gpt-9' }), () => undefined),
    /^1 other_contract: model/,
  ],
  [
    'to go on with the old deadline',
    () => played(migrated(), (emit) => emit('tool_admitted', look(STARTED_MS + CONTRACT.limits.wallMs))),
    /^2 wrong_deadline/,
  ],
])('a session that is moved %s has a fault', (_what, records, says) => {
  expect(faultIn(records())).toMatch(says);
});
