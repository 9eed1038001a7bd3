import type { Client } from '@temporalio/client';
import type { Session } from '../client.ts';
import { AegrailError } from '../core/errors.ts';
import type { SessionView } from '../protocol.ts';

/** What a session said when it was asked, or why it did not: it is not open yet, or no worker is there to answer. */
export type Answered = { readonly view: SessionView } | { readonly silent: 'opening' | 'no worker' };

/** Longest that a session is waited for to say how it is. */
export const ASK_WITHIN_MS = 3_000;

/** Asks a session for its view. @throws AegrailError SESSION_UNKNOWN */
export async function ask(client: Client, session: Session, fromSeq?: number): Promise<Answered> {
  try {
    return { view: await client.withDeadline(Date.now() + ASK_WITHIN_MS, () => session.view(fromSeq)) };
  } catch (thrown) {
    if (thrown instanceof AegrailError) throw thrown;
    // Until a worker gave it its contract a session has no view.
    return { silent: (thrown as { name?: string }).name === 'QueryNotRegisteredError' ? 'opening' : 'no worker' };
  }
}
