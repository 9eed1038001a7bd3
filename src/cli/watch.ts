import type { Command } from 'commander';
import type { SessionResult, SessionView } from '../protocol.ts';
import type { ServerChoice } from '../temporal/settings.ts';
import { ask } from './ask.ts';
import { endLine, exitCodeOfEnd } from './end-of-session.ts';
import { EXIT } from './exit-codes.ts';
import { follow, Interrupted, silence } from './follow.ts';
import type { Invocation } from './invocation.ts';
import { ledgerLine } from './ledger-lines.ts';
import { withExample, withJson, withServer } from './options.ts';
import { recordLine } from './record-line.ts';
import { describeSession } from './session-state.ts';
import { listenForStop } from './stop-signals.ts';
import type { Terminal } from './terminal.ts';
import { withClient } from './with-client.ts';

interface Options extends ServerChoice {
  readonly json?: true;
}

/** Adds `aegrail watch`. */
export function addWatch(program: Command, invocation: Invocation): void {
  const command = program
    .command('watch')
    .description("follow a session's records as they come, until it ends; exit code 1 when it did not answer")
    .argument('<id>', 'the session')
    .action((id: string, options: Options) => watch(id, options, invocation));
  withServer(command);
  withJson(command, 'the records as JSON lines, as the workflow makes them (not yet chained),');
  withExample(command, 'aegrail watch sess_1795000000000_3f2a9c81d4e7');
}

async function watch(id: string, { json, ...choice }: Options, { terminal, endWith }: Invocation): Promise<void> {
  const stop = listenForStop(() => process.exit(EXIT.interrupted));
  try {
    await withClient(choice, terminal, async ({ aegrail }) => {
      const session = aegrail.session(id);
      // A workflow that is no session would be waited for in vain.
      await describeSession(session);
      const tell = teller(terminal, json);
      const result = await follow({
        session,
        stop: stop.signal,
        fromSeq: tell.nextSeq,
        async onView(view) {
          await tell.records(view);
          if (!json && !view.result) terminal.live(ledgerLine(view, Date.now()));
        },
        onSilence: (why) => terminal.say(silence(why)),
      });
      await tellLast(result, tell, () => ask(session, tell.nextSeq()), terminal);
      if (!json && result.outcome !== 'answered') terminal.say(endLine(result));
      endWith(exitCodeOfEnd(result));
    });
  } catch (thrown) {
    if (!(thrown instanceof Interrupted)) throw thrown;
    endWith(EXIT.interrupted);
  } finally {
    stop.release();
  }
}

interface Teller {
  readonly nextSeq: () => number;
  readonly records: (view: SessionView) => Promise<void>;
}

/** Writes each record once, in order, and says when some had gone before they were asked for. */
function teller(terminal: Terminal, json: true | undefined): Teller {
  let next = 0;
  return {
    nextSeq: () => next,
    async records({ records }) {
      const [first] = records;
      if (first && first.seq > next)
        terminal.say(`records ${next} to ${first.seq - 1} are no longer at hand: aegrail audit export has them`);
      for (const record of records) {
        if (record.seq < next) continue;
        await terminal.line(json ? JSON.stringify(record) : recordLine(record));
        next = record.seq + 1;
      }
    },
  };
}

/** The last records come with the end itself: they are asked for once more. */
async function tellLast(
  result: SessionResult,
  tell: Teller,
  again: () => ReturnType<typeof ask>,
  terminal: Terminal,
): Promise<void> {
  if (tell.nextSeq() >= result.records) return;
  const answered = await again();
  if ('view' in answered) await tell.records(answered.view);
  else terminal.say(`the last ${result.records - tell.nextSeq()} records are not available: no worker answered`);
}
