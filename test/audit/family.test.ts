import { expect, test } from 'vitest';
import { type Audit, auditFile } from '../../src/audit/audit.ts';
import { ledgerCheck } from '../../src/audit/ledger-check.ts';
import { verifyLog } from '../../src/audit/verify.ts';
import type { Verdict } from '../../src/audit/verdicts.ts';
import { family, FIRST_ID, type Told } from '../vectors/family-sessions.ts';
import { chained } from '../vectors/play.ts';

/** A first record that says another thing than its parent. */
const LIE: Told = { first: { 0: { chain: [] } } };

const logsOf = (told: Told = {}): string[][] => Object.values(family(told)).map((records) => chained(records));

async function ledgerOf(lines: readonly string[]): Promise<Verdict> {
  const auditor = { keys: [], witnesses: [], kept: [], histories: null, onProgress: () => {} };
  const bytes = Buffer.from(lines.map((line) => `${line}\n`).join(''));
  const found: Audit = await auditFile([bytes], null, auditor);
  return found.verdicts.ledger;
}

test('a file of several sessions is compared in any order, also record by record', async () => {
  const logs = logsOf();
  const mixed = Array.from({ length: 17 }, (_, seq) => logs.toReversed().flatMap((log) => log[seq] ?? [])).flat();
  for (const lines of [logs.flat(), logs.toReversed().flat(), mixed]) {
    expect(lines).toHaveLength(logs.flat().length);
    const { evidence, findings, unchecked } = await ledgerOf(lines);
    expect(findings).toEqual([]);
    expect(evidence).toContain('sub-agents compared with the sessions that they work for: 3');
    // Costs need contracts, which a file has not.
    expect(unchecked.filter((why) => !why.startsWith('costs '))).toEqual([]);
  }
  const { findings } = await ledgerOf(logsOf(LIE).toReversed().flat());
  expect(findings).toMatchObject([
    { fault: 'wrong_delegation', session_id: FIRST_ID, why: expect.stringMatching(/^chain/) },
  ]);
});

test('the log of a sub-agent alone is right by itself, and its parent is said to be missing', async () => {
  const [, first = []] = logsOf(LIE);
  expect(await verifyLog(first, { checkRecord: ledgerCheck })).toMatchObject({ ok: true, records: first.length });
  const { evidence, findings, unchecked } = await ledgerOf(first);
  expect(findings).toEqual([]);
  expect(evidence.join()).not.toContain('sub-agents');
  const hint = 'aegrail audit export ID --tree exports a session with all below it';
  expect(unchecked).toContain(
    `what sub-agents were given, for their parent's log is not at hand: ${FIRST_ID} (${hint})`,
  );
});

test('what could not be folded to its end is not compared: neither a parent nor a child', async () => {
  const [chief = [], first = [], ...others] = logsOf(LIE);
  const ofFirst = async (lines: readonly string[]): Promise<unknown> =>
    (await ledgerOf(lines)).findings.filter(({ session_id }) => session_id === FIRST_ID);
  expect(await ofFirst([chief, first, ...others].flat())).toHaveLength(1);
  // A record is missing, or there twice.
  expect(await ofFirst([chief.toSpliced(3, 1), first, ...others].flat())).toEqual([]);
  expect(await ofFirst([chief, first.toSpliced(3, 1), ...others].flat())).toEqual([]);
  expect(await ofFirst([chief, [...first, ...first.slice(-1)], ...others].flat())).toEqual([]);
  // A budget that is not what the records come to: that is the fault of it.
  const wrong = chained(
    family(LIE).first.map((record) => ({ ...record, budget: { ...record.budget, tokens_used: 7 } })),
  );
  expect(await ofFirst([chief, wrong, ...others].flat())).toMatchObject([{ fault: 'wrong_budget' }]);
});

test('a name that has no canonical form can be compared too', async () => {
  const [chief = [], ...others] = logsOf();
  const lone = chief.map((line) => line.replace('"calls":{"lookup_order":1}', String.raw`"calls":{"\ud800":1}`));
  expect(lone).not.toEqual(chief);
  const { findings } = await ledgerOf([lone, ...others].flat());
  expect(findings).toMatchObject([{ fault: 'wrong_delegation', session_id: FIRST_ID }]);
});
