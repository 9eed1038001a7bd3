import type { SwitchedOn } from '../src/core/switched-on.ts';
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
} from '../src/protocol.ts';

/** What the session workflow may schedule. Each takes one envelope; the interceptor checks it before the code runs. */
export interface Activities {
  openSession(envelope: Envelope<OpenCall>): Promise<Opened>;
  callModel(envelope: Envelope<ModelCall>): Promise<ModelAnswer>;
  callTool(envelope: Envelope<ToolCall>): Promise<ToolAnswer>;
  /** The log that the store has of a session whose run was reset. */
  reloadSession(envelope: Envelope<AppendCall>): Promise<Reloaded>;
  /** The kill switch that stops the session, as the store has it now. */
  lookAtSwitch(envelope: Envelope<AppendCall>): Promise<SwitchedOn | null>;
  /** What a session below came to. */
  settleAgent(envelope: Envelope<SettleCall>): Promise<AgentSettled>;
  appendRecords(envelope: Envelope<AppendCall>): Promise<null>;
}
