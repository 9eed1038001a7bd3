import { condition, defineSignal, defineUpdate, setHandler } from '@temporalio/workflow';
import { canonicalJson } from '../../src/core/canonical.ts';
import { deadlineMs, NOTHING, shortageOf } from '../../src/core/ledger.ts';
import { decide } from '../../src/core/policy.ts';
import { redactArgs } from '../../src/core/redact.ts';
import { sessionFacts } from '../../src/core/session-facts.ts';
import { wireAmounts } from '../../src/core/session-state.ts';
import { sha256Hex } from '../../src/core/sha256.ts';
import type { StartInput } from '../../src/core/start-input.ts';
import type { AskedCall, ToolCall } from '../../src/calls.ts';
import { type Admitted, admitTool, type GuardContext } from '../../workflows/guard.ts';
import { GUARD_FINISH, GUARD_MEASURE, type GuardStage } from './guard-names.ts';
import { openBenchSession } from './open.ts';

const FIRST_TRY = { attempt: 1, idempotencyKey: null };

/** A session that decides on request, schedules nothing, and tells how long each decision took. */
export async function agentSession(input: StartInput): Promise<void> {
  const opening = openBenchSession(input);
  const nowMs = hostClock();
  let finished = false;
  setHandler(defineUpdate<number[], [GuardStage, number]>(GUARD_MEASURE), async (stage, times) => {
    const { guard } = await opening;
    const microseconds: number[] = [];
    for (let index = 0; index < times; index++) {
      const asked: AskedCall = {
        id: `call_${index}`,
        tool: 'lookup_order',
        args: { id: `order_${index}` },
        problem: null,
      };
      microseconds.push(measure(guard, stage, asked, nowMs) * 1000);
    }
    // Nothing of this is appended: the session ends without its records.
    guard.journal.stored(guard.journal.state().nextSeq - 1);
    return microseconds;
  });
  setHandler(defineSignal(GUARD_FINISH), () => {
    finished = true;
  });
  await condition(() => finished);
  (await opening).runner.stopper.release();
}

/** Milliseconds that one stage of a decision takes, on a ledger with nothing pending. */
function measure(guard: GuardContext, stage: GuardStage, asked: AskedCall, nowMs: () => number): number {
  const { policy, principal, journal } = guard;
  const { ledger } = journal.state();
  const timed = <T>(work: () => T): { readonly ms: number; readonly value: T } => {
    const from = nowMs();
    const value = work();
    return { ms: nowMs() - from, value };
  };
  switch (stage) {
    case 'policy':
      return timed(() =>
        decide(policy, asked, { principal, session: sessionFacts(journal.state()), ledger }, Date.now()),
      ).ms;
    case 'ledger':
      return timed(() =>
        shortageOf(
          ledger,
          { amounts: { ...NOTHING, toolCalls: 1 }, untilMs: deadlineMs(ledger), depth: 0 },
          Date.now(),
        ),
      ).ms;
    case 'permit': {
      const { call } = admitted(guard, asked);
      settle(guard, asked);
      return timed(() => sha256Hex(canonicalJson({ call, kind: 'tool', salt: guard.salt }))).ms;
    }
    case 'record': {
      const { permit, reserved, timeoutMs } = admitted(guard, asked);
      settle(guard, asked);
      const amounts = wireAmounts(reserved);
      const { ms } = timed(() =>
        journal.emit('tool_admitted', {
          tool: asked.tool,
          call_id: asked.id,
          attempt: 1,
          digest: permit.digest,
          args: redactArgs(asked.args, null),
          reserved: amounts,
          until_ms: permit.untilMs,
          timeout_ms: timeoutMs,
        }),
      );
      settle(guard, asked);
      return ms;
    }
    case 'admission': {
      const { ms } = timed(() => admitted(guard, asked));
      settle(guard, asked);
      return ms;
    }
    case 'settlement':
      admitted(guard, asked);
      return timed(() => settle(guard, asked)).ms;
    case 'denial':
      return timed(() => admitTool(guard, { ...asked, tool: 'forbidden' }, FIRST_TRY)).ms;
  }
}

function admitted(guard: GuardContext, asked: AskedCall): Admitted<ToolCall> {
  const admission = admitTool(guard, asked, FIRST_TRY);
  if ('admitted' in admission) return admission.admitted;
  throw new TypeError(`the benchmark's call was not admitted: ${JSON.stringify(admission)}`);
}

/** The record that ends a call which went well, as workflows/tool-turn.ts writes it. */
function settle({ journal }: GuardContext, asked: AskedCall): void {
  journal.emit('tool_call', {
    reservation: journal.state().nextSeq - 1,
    tool: asked.tool,
    call_id: asked.id,
    elapsed_ms: 0,
    ok: true,
    outcome: 'ok',
    posted: { usd_nano: 0, tokens: 0, tool_calls: 1 },
    result: { bytes: 100 },
  });
}

/**
 * The machine's clock. A workflow's own stands still within a task, and must: this is a way out of the sandbox through the
 * constructor of a function that the host lent to it, for a benchmark and nothing else.
 */
function hostClock(): () => number {
  // oxlint-disable-next-line typescript/no-implied-eval -- the host's Function, by which the host's globals are reached
  const hostFunction = TextEncoder.constructor as FunctionConstructor;
  return hostFunction('return () => performance.now()')() as () => number;
}
