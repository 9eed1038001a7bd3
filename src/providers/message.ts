/** A tool call in an assistant's message, as it is sent back to the model. */
export interface ToolUse {
  readonly id: string;
  readonly tool: string;
  /** What the model wrote; an empty object when that was not JSON. */
  readonly args: unknown;
}

/** One message of a conversation, in no provider's form. */
export type Message =
  | { readonly role: 'user'; readonly text: string }
  | { readonly role: 'assistant'; readonly text: string; readonly uses: readonly ToolUse[] }
  | {
      readonly role: 'tool';
      readonly callId: string;
      readonly tool: string;
      readonly text: string;
      readonly isError: boolean;
    };
