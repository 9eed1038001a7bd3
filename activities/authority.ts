import { AegrailError } from '../src/core/errors.ts';
import type { Contract, Grant } from '../src/core/contract.ts';
import { lowerGrant } from '../src/core/limits.ts';
import { agentIdentity } from '../src/core/principal.ts';
import type { AuditRecord } from '../src/core/record.ts';
import { grantOf } from '../src/core/session-state.ts';
import { authorizationProblem, parseAuthorization } from '../src/signing/authorization.ts';
import { parseVkey } from '../src/signing/key.ts';

/** What a session asks to be started with. */
export interface Asked {
  readonly contract: Contract;
  readonly contractSha256: string;
  readonly user: string;
  readonly sessionId: string;
  readonly startedMs: number;
  /** The signed text that came with the start. */
  readonly note: string | null;
}

/** Decides whether somebody who is trusted signed what a session runs under. */
export interface Authority {
  /**
   * Checks the start of a session.
   *
   * @returns the grant that its contract and its authorization leave it
   * @throws AegrailError CONTRACT_UNTRUSTED
   */
  grant(asked: Asked): Grant;
  /**
   * Why a session may not run, by the record that names its contract, which is its first or a `contract_migrated`, and that
   * contract; null when it may.
   */
  problemOf(record: AuditRecord, contract: Contract): string | null;
}

/**
 * Makes an authority. Access to Temporal alone is then not enough to start an agent: the start needs a text that one of the
 * keys signed, and that stands in the session's first record, where every call is checked against it.
 *
 * @param vkeys verifier keys of those who sign contracts
 * @throws AegrailError CONFIG_INVALID when one is none
 */
export function createAuthority(vkeys: readonly string[]): Authority {
  const trusted = vkeys.map((vkey) => parseVkey(vkey));
  return {
    grant({ contract, contractSha256, user, sessionId, startedMs, note }) {
      if (note === null) throw untrusted('it came without an authorization (aegrail contract sign)');
      const identity = agentIdentity(contract.agent, contract.version);
      const session = { agentIdentity: identity, contractSha256, user, sessionId, startedMs };
      const problem = authorizationProblem(note, trusted, session);
      if (problem) throw untrusted(problem);
      return lowerGrant(contract.limits, parseAuthorization(note).authorization.limits ?? {});
    },
    problemOf(record, contract) {
      const named = namedBy(record, contract);
      if ('problem' in named) return named.problem;
      const { payload, agentIdentity, contractSha256 } = named;
      const { authorization: note, limits } = payload;
      if (note === null) return `its record ${record.event} has no authorization`;
      const session = {
        agentIdentity,
        contractSha256,
        user: record.invoking_user,
        sessionId: record.session_id,
        startedMs: Date.parse(record.ts),
      };
      const problem = authorizationProblem(note, trusted, session);
      if (problem) return problem;
      const most = lowerGrant(contract.limits, parseAuthorization(note).authorization.limits ?? {});
      return isWithin(grantOf(limits), most) ? null : 'its limits are above those that were signed';
    },
  };
}

type Naming = Extract<AuditRecord, { event: 'session_started' | 'contract_migrated' }>;

/** What a record that names a contract is to be signed for. A migrated session may be of another version, of the same agent. */
function namedBy(
  record: AuditRecord,
  { agent, version }: Contract,
):
  | { readonly payload: Naming['payload']; readonly agentIdentity: string; readonly contractSha256: string }
  | { readonly problem: string } {
  const { event, payload, agent_identity } = record;
  if (event === 'session_started')
    return { payload, agentIdentity: agent_identity, contractSha256: payload.contract_sha256 };
  if (event !== 'contract_migrated') return { problem: 'its log does not begin with session_started' };
  if (agent_identity.slice(0, agent_identity.lastIndexOf('/')) !== agent)
    return { problem: 'it was migrated to a contract of another agent' };
  return { payload, agentIdentity: agentIdentity(agent, version), contractSha256: payload.to_sha256 };
}

/** Whether a grant is at most another, in every dimension. */
export function isWithin(grant: Grant, most: Grant): boolean {
  const names = ['usdNano', 'tokens', 'wallMs', 'toolCalls', 'recursionDepth'] as const;
  return names.every((name) => (grant[name] ?? Number.POSITIVE_INFINITY) <= (most[name] ?? Number.POSITIVE_INFINITY));
}

function untrusted(why: string): AegrailError {
  return new AegrailError('CONTRACT_UNTRUSTED', `This worker runs only sessions that a trusted key signed: ${why}.`);
}
