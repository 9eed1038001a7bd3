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
  /** Why a session may not run, by its first record and the contract that this one names; null when it may. */
  problemOf(first: AuditRecord, contract: Contract): string | null;
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
    problemOf(first, contract) {
      if (first.event !== 'session_started') return 'its log does not begin with session_started';
      const { authorization: note, contract_sha256, limits } = first.payload;
      if (note === null) return 'its first record has no authorization';
      const session = {
        agentIdentity: first.agent_identity,
        contractSha256: contract_sha256,
        user: first.invoking_user,
        sessionId: first.session_id,
        startedMs: Date.parse(first.ts),
      };
      const problem = authorizationProblem(note, trusted, session);
      if (problem) return problem;
      const most = lowerGrant(contract.limits, parseAuthorization(note).authorization.limits ?? {});
      return isWithin(grantOf(limits), most) ? null : 'its limits are above those that were signed';
    },
  };
}

/** Whether a grant is at most another, in every dimension. */
export function isWithin(grant: Grant, most: Grant): boolean {
  const names = ['usdNano', 'tokens', 'wallMs', 'toolCalls', 'recursionDepth'] as const;
  return names.every((name) => (grant[name] ?? Number.POSITIVE_INFINITY) <= (most[name] ?? Number.POSITIVE_INFINITY));
}

function untrusted(why: string): AegrailError {
  return new AegrailError('CONTRACT_UNTRUSTED', `This worker runs only sessions that a trusted key signed: ${why}.`);
}
