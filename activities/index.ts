import type {
  AppendCall,
  Envelope,
  ModelAnswer,
  ModelCall,
  OpenCall,
  Opened,
  ToolAnswer,
  ToolCall,
} from '../src/protocol.ts';

/** What the session workflow may schedule. Each takes one envelope; the interceptor checks it before the code runs. */
export interface Activities {
  openSession(envelope: Envelope<OpenCall>): Promise<Opened>;
  callModel(envelope: Envelope<ModelCall>): Promise<ModelAnswer>;
  callTool(envelope: Envelope<ToolCall>): Promise<ToolAnswer>;
  appendRecords(envelope: Envelope<AppendCall>): Promise<null>;
}
