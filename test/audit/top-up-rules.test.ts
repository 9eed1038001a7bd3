import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { auditBundle } from '../../src/audit/audit.ts';
import { contractFileName } from '../../src/audit/bundle-format.ts';
import type { Verdict } from '../../src/audit/verdicts.ts';
import { canonicalJson } from '../../src/core/canonical.ts';
import type { Contract } from '../../src/core/contract.ts';
import type { Events } from '../../src/core/record.ts';
import { botConfig, startStack, toolsModule } from '../harness/stack.ts';
import { aegrail } from '../cli/kit.ts';
import { verifyInPython } from './in-python.ts';
import { type Files, makeBundle, memorySource, withManifest } from './make-bundle.ts';
import {
  CONTRACT,
  CONTRACT_SHA256,
  ended,
  linesOf,
  modelAdmitted,
  modelAnswered,
  playSession,
  sha256,
  started,
  STARTED_MS,
  toolAdmitted,
  toolDone,
} from './priced-session.ts';

const untilMs = STARTED_MS + CONTRACT.limits.wallMs;

/** A bundle of a session that called its tool once, and whose budget was then raised by `by`. */
function raisedUnder(approvers: string | null, by: string, start: Partial<Events['session_started']> = {}): Files {
  const contract: Contract = { ...CONTRACT, budget: { ...CONTRACT.budget, onExceeded: 'ask', approvers } };
  const json = canonicalJson(contract);
  const records = playSession('sess_a', (emit) => {
    emit('session_started', { ...started('sess_a'), contract_sha256: sha256(json), ...start });
    emit('llm_admitted', modelAdmitted(untilMs));
    emit('llm_call', modelAnswered(1));
    emit('tool_admitted', toolAdmitted(untilMs));
    emit('tool_call', toolDone(3));
    emit('budget_raised', { by, reason: null, amounts: { usd_nano: 0, tokens: 0, tool_calls: 90 } });
    emit('session_ended', ended(7));
  });
  const files = makeBundle([linesOf(records)], null, { contracts: false });
  return withManifest(files.set(contractFileName(sha256(json)), Buffer.from(json)));
}

async function ledgerOf(files: Files): Promise<Verdict> {
  const auditor = { keys: [], witnesses: [], kept: [], histories: null, onProgress: () => undefined };
  return (await auditBundle(memorySource(files), auditor)).verdicts.ledger;
}

test.each<[string, string, string]>([
  ['who', "approver.id == 'boss'", 'boss'],
  ['for whom', "principal.user == 'ada@acme.com' && principal.agent == 'bot' && principal.version == 'v1'", 'boss'],
  ['by the principal', "principal.id.startsWith('bot/v1@sess_') && principal.chain == ['a/v1@sess_1_1']", 'boss'],
  ['after what', 'session.calls("refund").count == 1 && session.calls("refund").in_flight == 0', 'boss'],
  ['with what is left, before it was raised', 'budget.tool_calls == 9.0 && budget.tool_calls_used == 1.0', 'boss'],
  ['one of a list', "['ceo', 'boss'].exists(who, who == approver.id)", 'boss'],
  ['with what was spent', 'budget.usd_used > 0.0 && budget.usd < 0.5', 'boss'],
])('a top-up that the rule allows is good: %s', async (_what, rule, by) => {
  const ledger = await ledgerOf(raisedUnder(rule, by, { chain: ['a/v1@sess_1_1'] }));
  expect(ledger).toMatchObject({ status: 'good', findings: [] });
  expect(ledger.evidence).toContain('judged 1 top-up by the rule of who may raise the budget');
});

test.each<[string, string, string]>([
  ['who', "approver.id == 'boss'", 'eve'],
  ['after what', 'session.calls("refund").count == 0', 'boss'],
  ['with what is left', 'budget.tool_calls > 9.0', 'boss'],
  ['a rule that fails lets nobody', 'approver.nothing.there', 'boss'],
  ['a rule that does not parse lets nobody', 'approver.id ==', 'boss'],
])('a top-up that the rule does not allow is found: %s', async (_what, rule, by) => {
  const { status, findings } = await ledgerOf(raisedUnder(rule, by));
  expect({ status, findings }).toMatchObject({
    status: 'bad',
    findings: [{ fault: 'other_contract', line: 6, session_id: 'sess_a' }],
  });
  expect(findings[0]?.why).toContain('budget.approvers');
});

const TEN = '[0,1,2,3,4,5,6,7,8,9]';
test.each([
  ['a regular expression', "approver.id.matches('^(a+)+$')"],
  ['what doubles', 'cel.bind(a, [1], cel.bind(b, a + a, size(b) == 2))'],
  ['loops in loops', 'abcdefghijkl'.split('').reduceRight((inner, x) => `${TEN}.all(${x}, ${inner})`, 'true')],
])('a rule with %s is not run, and that is said', async (_what, rule) => {
  const { status, unchecked } = await ledgerOf(raisedUnder(rule, `${'a'.repeat(60)}!`));
  expect(status).toBe('unchecked');
  expect(unchecked).toEqual([
    'who raised the budget of sess_a: a rule with a regular expression, or with more than one loop, is not run',
  ]);
});

test('without a rule anybody may, and nothing is said of it', async () => {
  const ledger = await ledgerOf(raisedUnder(null, 'eve'));
  expect(ledger.status).toBe('good');
  expect(ledger.evidence.join()).not.toContain('top-up');
});

test('a session that was moved is judged by the rule of the contract that it was moved to', async () => {
  const strict: Contract = {
    ...CONTRACT,
    budget: { ...CONTRACT.budget, onExceeded: 'ask', approvers: "approver.id == 'boss'" },
  };
  const json = canonicalJson(strict);
  const play = (by: string): Files => {
    const records = playSession('sess_a', (emit) => {
      emit('session_started', started('sess_a'));
      const { limits, model, tools } = started('sess_a');
      const to = { from_sha256: CONTRACT_SHA256, to_sha256: sha256(json), limits, model, tools: [...tools] };
      emit('contract_migrated', { ...to, by: 'boss', reason: null, authorization: null });
      emit('budget_raised', { by, reason: null, amounts: { usd_nano: 0, tokens: 5, tool_calls: 0 } });
      emit('session_ended', ended(4));
    });
    const files = makeBundle([linesOf(records)], null);
    return withManifest(files.set(contractFileName(sha256(json)), Buffer.from(json)));
  };
  expect(await ledgerOf(play('boss'))).toMatchObject({ status: 'good' });
  expect(await ledgerOf(play('eve'))).toMatchObject({ status: 'bad', findings: [{ line: 3 }] });
});

test('the verifier in Python, which has no CEL, says that it did not judge', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'aegrail-rule-'));
  try {
    await mkdir(join(folder, 'contracts'));
    for (const [name, bytes] of raisedUnder("approver.id == 'boss'", 'boss'))
      await writeFile(join(folder, name), bytes);
    const { told } = await verifyInPython([folder]);
    expect(told).toMatchObject([
      {
        ledger: {
          status: 'unchecked',
          findings: [],
          unchecked: ['sess_a: who may raise its budget, for the rule (budget.approvers) is CEL'],
        },
      },
    ]);
  } finally {
    await rm(folder, { recursive: true });
  }
});

test('a real session that was topped up under a rule verifies', async () => {
  const stack = await startStack({
    files: {
      'tools.ts': toolsModule(
        "export const look = defineTool({ description: 'Looks.', input: z.object({}), execute: () => 'seen' });",
      ),
    },
    script: ({ messages }) => {
      const seen = messages.flatMap(({ toolResults }) => toolResults).length;
      return seen < 3 ? { call: [{ tool: 'look', args: {} }] } : { say: 'Done.' };
    },
    config: botConfig({
      tools: { look: { module: './tools.ts' } },
      limits: { usd: 1, maxToolCalls: 2 },
      budget: {
        onExceeded: 'ask',
        approvers:
          'approver.id == "boss" && session.calls("look").count == 2 && budget.tool_calls == 0.0 && principal.user == "ann@acme.com"',
        softLimit: 0,
      },
    }),
  });
  const session = await stack.start({ input: 'go' });
  await expect.poll(async () => (await session.view().catch(() => null))?.phase).toBe('budget');
  await session.topUp({ maxToolCalls: 1, by: 'boss' });
  expect(await session.result()).toMatchObject({ outcome: 'answered' });
  expect(await aegrail(['audit', 'export', '--all', '--output', 'bundle'], { cwd: stack.dir })).toMatchObject({
    code: 0,
  });
  const verified = await aegrail(['audit', 'verify', 'bundle', '--json'], { cwd: stack.dir });
  expect(JSON.parse(verified.out)).toMatchObject({ ok: true, ledger: { status: 'good' } });
  expect(verified.out).toContain('judged 1 top-up by the rule');
  await stack.close();
});
