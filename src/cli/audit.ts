import type { Command } from 'commander';
import { addAuditCheckpoint } from './audit-checkpoint.ts';
import { addAuditErase } from './audit-erase.ts';
import { addAuditExport } from './audit-export.ts';
import { addAuditReconcile } from './audit-reconcile.ts';
import { addAuditReplay } from './audit-replay.ts';
import { addAuditVerify } from './audit-verify.ts';
import type { Invocation } from './invocation.ts';

/** Adds `aegrail audit` with what is below it. */
export function addAudit(program: Command, invocation: Invocation): void {
  const audit = program.command('audit').description('export, verify and replay logs');
  addAuditExport(audit, invocation);
  addAuditVerify(audit, invocation);
  addAuditReconcile(audit, invocation);
  addAuditReplay(audit, invocation);
  addAuditCheckpoint(audit, invocation);
  addAuditErase(audit, invocation);
}
