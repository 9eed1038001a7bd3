import type {
  AppendCall,
  Envelope,
  ModelAnswer,
  ModelCall,
  OpenCall,
  Opened,
  Reloaded,
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
  appendRecords(envelope: Envelope<AppendCall>): Promise<null>;
}
