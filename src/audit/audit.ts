import { readContracts } from './bundle-contracts.ts';
import { BUNDLE_FILES, type BundleQuery, type Manifest } from './bundle-format.ts';
import { openBundle } from './bundle-reader.ts';
import type { BundleSource } from './bundle-source.ts';
import { type OnProgress, readTree, tellUnsigned, type Trust } from './bundle-tree.ts';
import { createHeadCheck } from './head-check.ts';
import { checkHistories, type ReadLog, type SessionHistories } from './history-check.ts';
import type { Chunks } from './lines.ts';
import type { SessionLog } from './log-check.ts';
import { passRecords, type RecordsFound } from './record-pass.ts';
import type { TreeFound } from './tree-check.ts';
import { counted, createFindings, type Findings, someOf, VERDICT_NAMES, type Verdicts } from './verdicts.ts';

/** What an auditor brings along. */
export interface Auditor extends Trust {
  /** Null: histories are not asked for. */
  readonly histories: SessionHistories | null;
  readonly onProgress: OnProgress;
}

/** What an audit came to. */
export interface Audit {
  readonly verdicts: Verdicts;
  readonly sessions: readonly SessionLog[];
  readonly records: number;
  /** Records of a newer release. */
  readonly unknown: number;
  /** Of a bundle whose manifest could be read. */
  readonly bundle: Pick<Manifest, 'origin' | 'created' | 'query' | 'hash'> | null;
}

/**
 * Audits a log alone.
 *
 * @param reread gives its bytes once more, to say where it is not what the history gives; null when it can't
 * @throws what reading it throws
 */
export async function auditFile(chunks: Chunks, reread: (() => Chunks) | null, auditor: Auditor): Promise<Audit> {
  const findings = createFindings();
  const file = undefined;
  const { histories } = auditor;
  const onProgress = (records: number): void => auditor.onProgress(records, 'records');
  const contracts = { contractOf: () => null, hasTopUpRules: false };
  const pass = { chunks, file, ...contracts, heads: null, wantsDigests: histories !== null, onProgress };
  const found = await passRecords(pass, findings);
  findings.unchecked(
    'completeness',
    'a log alone has no checkpoints: a tail or a session that is missing does not show',
  );
  findings.unchecked('authenticity', 'a log alone has no signatures: whoever owns all of it can make a new one');
  tellOpen(found.sessions, findings);
  await judgeHistory({ found, file, reread }, histories, findings);
  return auditOf(found, null, findings);
}

/**
 * Audits a bundle.
 *
 * @param findings where what is found goes: one that throws ends the audit at once
 * @throws what reading it throws
 */
export async function auditBundle(
  source: BundleSource,
  auditor: Auditor,
  findings: Findings = createFindings(),
): Promise<Audit> {
  const bundle = await openBundle(source, findings);
  if (bundle === null) return unreadable(findings);
  const { manifest } = bundle;
  const { histories } = auditor;
  findings.evidence('completeness', `the bundle answers: ${queryWords(manifest.query)}`);
  const contracts = await readContracts(bundle, findings);
  const heads = manifest.origin === null ? null : createHeadCheck(manifest.query, findings);
  let tree: TreeFound | null = null;
  if (manifest.origin !== null && heads !== null)
    tree = await readTree(bundle, manifest.origin, heads, auditor, findings);
  else tellUnsigned(auditor, findings);
  const file = BUNDLE_FILES.records;
  const onProgress = (records: number): void => auditor.onProgress(records, 'records');
  const contractOf = (sha256: string) => contracts.get(sha256) ?? null;
  const hasTopUpRules = [...contracts.values()].some(({ budget }) => budget.approvers !== null);
  const rules = { contractOf, hasTopUpRules };
  const pass = { chunks: bundle.chunks(file), file, ...rules, heads, wantsDigests: histories !== null, onProgress };
  const found = await passRecords(pass, findings);
  if (heads === null) tellOpen(found.sessions, findings);
  else heads.end(found.sessions);
  if (tree !== null) tellTree(tree, manifest, findings);
  compareTotals(manifest, found, tree, findings);
  await judgeHistory({ found, file, reread: () => source.read(file) }, histories, findings);
  return auditOf(found, manifest, findings);
}

async function judgeHistory(log: ReadLog, histories: SessionHistories | null, findings: Findings): Promise<void> {
  if (histories === null) findings.unchecked('history', 'not asked for: --against-history compares with Temporal');
  else await checkHistories(log, histories, findings);
}

function tellOpen(sessions: readonly SessionLog[], findings: Findings): void {
  const open = sessions.filter(({ ended }) => !ended).map(({ sessionId }) => sessionId);
  if (open.length > 0) findings.unchecked('completeness', `open, so that more may follow: ${someOf(open)}`);
}

function tellTree(tree: TreeFound, { created }: Manifest, findings: Findings): void {
  const { entries, checkpoints, erased, last } = tree;
  const compared = `hashed ${counted(entries, 'entry')}, and compared the root of their tree at ${counted(checkpoints, 'checkpoint')}`;
  findings.evidence('integrity', compared);
  if (erased.length > 0) findings.evidence('authenticity', `texts were erased, by a signed entry: ${someOf(erased)}`);
  if (last === null) return;
  const { time, cadenceSeconds } = last.checkpoint;
  const seconds = (Date.parse(created) - Date.parse(time)) / 1000;
  const late = `${(seconds / cadenceSeconds).toFixed(1)} x the cadence of ${cadenceSeconds} s`;
  findings.evidence('completeness', `the last checkpoint is of ${time}, and the bundle of ${created} (${late})`);
}

/** What the manifest counts must be what is there. */
function compareTotals(manifest: Manifest, found: RecordsFound, tree: TreeFound | null, findings: Findings): void {
  const totals = [
    ['sessions', found.sessions.length],
    ['records', found.records],
    ['entries', tree?.entries ?? 0],
    ['checkpoints', tree?.checkpoints ?? 0],
  ] as const;
  for (const [name, is] of totals) {
    if (manifest[name] === is) continue;
    const why = `${name} says ${manifest[name]}, and there are ${is}`;
    findings.found({ fault: 'wrong_total', why, file: BUNDLE_FILES.manifest, line: 1 });
  }
}

function queryWords({ below, ...query }: BundleQuery): string {
  const conditions = Object.entries(query).map(([name, value]) => {
    const others = name === 'session' && below ? ' or one below it' : '';
    return `${name} ${value}${others}`;
  });
  return conditions.length === 0 ? 'all sessions of the store' : `sessions with ${conditions.join(', ')}`;
}

/** Without a manifest nothing says what is what. */
function unreadable(findings: Findings): Audit {
  for (const name of VERDICT_NAMES.slice(1)) findings.unchecked(name, 'the bundle has no manifest that can be gone by');
  return { verdicts: findings.verdicts(), sessions: [], records: 0, unknown: 0, bundle: null };
}

function auditOf({ sessions, records, unknown }: RecordsFound, manifest: Manifest | null, findings: Findings): Audit {
  const bundle =
    manifest === null
      ? null
      : { origin: manifest.origin, created: manifest.created, query: manifest.query, hash: manifest.hash };
  return { verdicts: findings.verdicts(), sessions, records, unknown, bundle };
}
