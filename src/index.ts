/** aegrail for applications: define tools and contracts, start and follow sessions. */
export { dataConverter } from './bundle/workflow-file.ts';
export type { AccountsClient } from './client/accounts.ts';
export { Aegrail, newSessionId, type Session, type StartOptions } from './client.ts';
export type { ListedSchedule, ScheduledSession, Schedules, ShownSchedule } from './client/schedules.ts';
export { encryptionCodec } from './codec/codec.ts';
export { type KeySource, parsePayloadKeys, type PayloadKey } from './codec/keys.ts';
export { defineConfig } from './config/define.ts';
export type { ContractFileInput } from './config/schema.ts';
export type { AccountSetInput } from './core/account-input.ts';
export type { AccountHolder, AccountView } from './core/account-view.ts';
export { AegrailError, ERROR_CODES, type ErrorCode } from './core/errors.ts';
export { REFUSALS, type Refusal, type RefusalReason } from './core/refusals.ts';
export type { MigrationInput, MigrationResult } from './core/migration.ts';
export type { OperatorInput } from './core/operator-input.ts';
export type { DecisionInput } from './core/approval.ts';
export type { Facts, Predicate, Predicates } from './core/policy.ts';
export type { AuditRecord, ChainedRecord } from './core/record.ts';
export type { Overlap, ScheduleInput } from './core/schedule-input.ts';
export { SEARCH_ATTRIBUTES, type SessionPhase } from './core/searchable.ts';
export type { LimitsInput, StartInput } from './core/start-input.ts';
export {
  DEFAULT_TASK_QUEUE,
  type DecisionResult,
  type PauseResult,
  type Reply,
  type WaitingApproval,
  SESSION_QUERY,
  SESSION_WORKFLOW,
  type SessionResult,
  type SessionView,
} from './protocol.ts';
export { defineTool } from './tools/define.ts';
export type { ToolContext, ToolDefinition } from './tools/tool.ts';
