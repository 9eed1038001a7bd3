import type { Audit } from '../audit/audit.ts';
import { counted, type Finding, VERDICT_NAMES } from '../audit/verdicts.ts';
import { printable } from './text.ts';

/** Whether nothing was found wrong; strictly, whether nothing was left unchecked either. */
export function isSound({ verdicts }: Audit, strict: boolean): boolean {
  return VERDICT_NAMES.every((name) => {
    const { status } = verdicts[name];
    return status === 'good' || (status === 'unchecked' && !strict);
  });
}

/**
 * An audit for people: what is wrong as compilers say it, `file:line: fault: why`, then a headline, a line for each
 * verdict, and the sessions with their heads.
 */
export function verdictLines(target: string, audit: Audit): string[] {
  const { verdicts, sessions, records } = audit;
  const lines = VERDICT_NAMES.flatMap((name) => {
    const { findings, further } = verdicts[name];
    const more = further === 0 ? [] : [`${target}: ${further} more of ${name}`];
    return [...findings.map((finding) => `${placeOf(target, finding)}: ${finding.fault}: ${finding.why}`), ...more];
  });
  lines.push(`${target}: ${counted(records, 'record')} of ${counted(sessions.length, 'session')}, ${headline(audit)}`);
  for (const name of VERDICT_NAMES) {
    const { status, evidence, unchecked } = verdicts[name];
    const words = [...evidence, ...unchecked.map((what) => `not checked: ${what}`)];
    lines.push(`  ${name}: ${status}${words.length === 0 ? '' : ` (${words.join('; ')})`}`);
  }
  for (const { sessionId, records: count, head, ended } of sessions)
    lines.push(`${sessionId}: ${counted(count, 'record')}, head ${head}${ended ? '' : ', open'}`);
  return lines.map((line) => printable(line));
}

/** An audit for programs. */
export function verdictJson(target: string, audit: Audit, strict: boolean): object {
  const { verdicts, sessions, records, unknown, bundle } = audit;
  return {
    target,
    ok: isSound(audit, strict),
    strict,
    ...verdicts,
    records,
    unknown,
    sessions: sessions.map(({ sessionId: session_id, ...rest }) => ({ session_id, ...rest })),
    bundle,
  };
}

function headline({ verdicts }: Audit): string {
  const bad = VERDICT_NAMES.filter((name) => verdicts[name].status === 'bad');
  if (bad.length > 0) return `bad: ${bad.join(', ')}`;
  const open = VERDICT_NAMES.filter((name) => verdicts[name].status === 'unchecked');
  if (open.length > 0) return `nothing wrong was found; not all was checked of ${open.join(', ')}`;
  return 'good in all five verdicts';
}

function placeOf(target: string, { file, outside, line }: Finding): string {
  const path = file === undefined ? target : outside ? file : `${target.replace(/\/+$/, '')}/${file}`;
  return line === undefined ? path : `${path}:${line}`;
}
