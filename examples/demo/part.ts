import type { Session } from '../../src/client.ts';
import type { AuditRecord } from '../../src/core/record.ts';
import type { SessionResult } from '../../src/protocol.ts';
import pc from 'picocolors';
import { setTimeout as delay } from 'node:timers/promises';
import { AegrailError } from '../../src/core/errors.ts';
import { unless } from '../shared/interrupt.ts';
import type { ExampleModel } from '../shared/model.ts';
import { say, wrap } from '../shared/print.ts';
import type { Stage } from '../shared/stage.ts';

/** What a part of the demo is run with. */
export interface PartInput {
  readonly stage: Stage;
  readonly model: ExampleModel;
  readonly signal: AbortSignal;
  /** Told of every session that was started. */
  readonly onSession: (session: Session) => void;
}

/** Why a part did not show what it should; null when it did. */
export type Shortcoming = string | null;

const POLL_MS = 100;

/** Title of a part, and what happens in it. */
export function heading(number: number, title: string, explanation: string): void {
  say();
  say(pc.bold(`${number}. ${title}`));
  say(pc.dim(wrap(explanation, '   ')));
  say();
}

/** One line of what happened, broken under itself. */
export function line(mark: string, text: string): void {
  say(`   ${mark} ${wrap(text, '     ').trimStart()}`);
}

/** Starts a session and follows it to its end. `onRecord` is told each record while it runs. */
export async function followed(
  { stage, signal, onSession }: PartInput,
  input: { readonly session: string; readonly agent: string; readonly user: string; readonly input: string },
  onRecord: (record: AuditRecord) => void,
): Promise<SessionResult> {
  const session = await stage.aegrail.start(input);
  onSession(session);
  for (let next = 0; ;) {
    signal.throwIfAborted();
    const view = await unless(signal, viewOf(session, next));
    for (const record of view?.records ?? []) {
      onRecord(record);
      next = record.seq + 1;
    }
    if (view?.result && next >= view.nextSeq) break;
    // A session that failed before it began has no view, but an end.
    if (view === null && (await isOver(session))) break;
    await unless(signal, delay(POLL_MS));
  }
  return unless(signal, session.result());
}

/** Null as long as the session has no contract yet. */
async function viewOf(session: Session, fromSeq: number) {
  try {
    return await session.view(fromSeq);
  } catch (thrown) {
    if (thrown instanceof AegrailError && thrown.code === 'SESSION_OPENING') return null;
    throw thrown;
  }
}

async function isOver({ handle }: Session): Promise<boolean> {
  const { status } = await handle.describe();
  return status.name !== 'RUNNING';
}
