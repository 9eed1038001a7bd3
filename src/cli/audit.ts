import type { Command } from 'commander';
import { addAuditExport } from './audit-export.ts';
import { addAuditVerify } from './audit-verify.ts';
import type { Invocation } from './invocation.ts';

/** Adds `aegrail audit` with what is below it. */
export function addAudit(program: Command, invocation: Invocation): void {
  const audit = program.command('audit').description('export and verify logs');
  addAuditExport(audit, invocation);
  addAuditVerify(audit, invocation);
}
