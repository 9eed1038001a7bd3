import { type Client, WorkflowFailedError, WorkflowNotFoundError } from '@temporalio/client';
import { ApplicationFailure } from '@temporalio/common';
import { hasEnded } from '../core/workflow-status.ts';
import type { SessionResult } from '../protocol.ts';
import { openedUnder } from './opened-under.ts';

/** What Temporal says of a session: it runs, it has ended, or there is none. */
export type SessionStatus = 'running' | 'closed' | 'absent';

/** How a session ended for those who wait for it: its result, or why it has none. */
export type SessionEnd =
  | { readonly result: SessionResult }
  | { readonly failed: { readonly code: string; readonly why: string } };

/** Looks at sessions in Temporal, for a worker. */
export interface SessionLookup {
  /** @throws when Temporal does not answer */
  statusOf(sessionId: string): Promise<SessionStatus>;
  /** How a session that is closed ended. @throws when Temporal does not answer */
  endOf(sessionId: string): Promise<SessionEnd>;
  /**
   * SHA-256 of the contract that a session was opened under, by its history; null when it never was, and so made no call, or is not there.
   *
   * @throws when Temporal does not answer, or has not all of its history
   */
  openedUnder(sessionId: string): Promise<string | null>;
}

/** A lookup through a client. The last run of a session counts: it may have been continued or reset. */
export function createSessionLookup(client: Client): SessionLookup {
  return {
    statusOf: (sessionId) => statusOf(client, sessionId),
    async endOf(sessionId) {
      try {
        return { result: (await client.workflow.getHandle(sessionId).result()) as SessionResult };
      } catch (thrown) {
        if (!(thrown instanceof WorkflowFailedError)) throw thrown;
        const { cause } = thrown;
        const code = cause instanceof ApplicationFailure ? cause.type : null;
        return { failed: { code: code ?? 'SESSION_LOST', why: cause?.message ?? thrown.message } };
      }
    },
    async openedUnder(sessionId) {
      return (await statusOf(client, sessionId)) === 'absent' ? null : openedUnder(client, sessionId);
    },
  };
}

async function statusOf(client: Client, sessionId: string): Promise<SessionStatus> {
  try {
    const { status } = await client.workflow.getHandle(sessionId).describe();
    return hasEnded(status.name) ? 'closed' : 'running';
  } catch (thrown) {
    if (thrown instanceof WorkflowNotFoundError) return 'absent';
    throw thrown;
  }
}
