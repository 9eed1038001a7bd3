import type { AccountWindow, FoundHolder } from '../src/core/account-book.ts';
import type { SwitchedOn } from '../src/core/switched-on.ts';
import type { AccountAnswer, HoldersCall, LeaseCall, WindowCall } from '../src/core/account-calls.ts';
import type { AdoptCall, Adopted, NotAdopted } from '../src/core/migration.ts';
import type {
  AgentSettled,
  AppendCall,
  Envelope,
  ModelAnswer,
  ModelCall,
  OpenCall,
  Opened,
  Reloaded,
  SettleCall,
  ToolAnswer,
  ToolCall,
} from '../src/calls.ts';

/** What the session workflow may schedule. Each takes one envelope; the interceptor checks it before the code runs. */
export interface Activities {
  openSession(envelope: Envelope<OpenCall>): Promise<Opened>;
  callModel(envelope: Envelope<ModelCall>): Promise<ModelAnswer>;
  callTool(envelope: Envelope<ToolCall>): Promise<ToolAnswer>;
  /** The log that the store has of a session whose run was reset. */
  reloadSession(envelope: Envelope<AppendCall>): Promise<Reloaded>;
  /** The contract that a session is to go on under, or why it may not. */
  adoptContract(envelope: Envelope<AdoptCall>): Promise<Adopted | NotAdopted>;
  /** The kill switch that stops the session, as the store has it now. */
  lookAtSwitch(envelope: Envelope<AppendCall>): Promise<SwitchedOn | null>;
  /** What a session below came to. */
  settleAgent(envelope: Envelope<SettleCall>): Promise<AgentSettled>;
  /** More of what the session's accounts have. */
  leaseMore(envelope: Envelope<LeaseCall>): Promise<readonly AccountAnswer[]>;
  /** For an account: when its window begins and ends. */
  accountWindow(envelope: Envelope<WindowCall>): Promise<AccountWindow>;
  /** For an account: whether sessions run that hold its leases, and what they used. */
  lookAtHolders(envelope: Envelope<HoldersCall>): Promise<readonly FoundHolder[]>;
  appendRecords(envelope: Envelope<AppendCall>): Promise<null>;
}
