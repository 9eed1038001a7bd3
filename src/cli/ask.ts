import type { Session } from '../client.ts';
import { AegrailError } from '../core/errors.ts';
import type { SessionView } from '../protocol.ts';

/** What a session said when it was asked, or why it did not: it is not open yet, or no worker is there to answer. */
export type Answered = { readonly view: SessionView } | { readonly silent: 'opening' | 'no worker' };

/** So long without a word, and who follows a session is told. */
export const ASK_WITHIN_MS = 3_000;

/** Asks a session for its view. @throws AegrailError SESSION_UNKNOWN */
export async function ask(session: Session, fromSeq?: number): Promise<Answered> {
  try {
    return { view: await session.view(fromSeq) };
  } catch (thrown) {
    const code = thrown instanceof AegrailError ? thrown.code : null;
    if (code === 'SESSION_OPENING') return { silent: 'opening' };
    if (code === null || code === 'SESSION_SILENT') return { silent: 'no worker' };
    throw thrown;
  }
}
