/** The language in which a scripted model is written: what it is shown (a Turn) and what it does (a Step). */

/** Wire protocols that the endpoint speaks. */
export type ProtocolName = 'openai' | 'anthropic';

/** A tool call that the model made earlier in the conversation. `argumentsText` is as it was on the wire. */
export interface TurnToolCall {
  readonly id: string;
  readonly tool: string;
  readonly argumentsText: string;
}

/** What a tool answered. `isError` is only known in the Anthropic protocol; the OpenAI protocol has no such flag. */
export interface TurnToolResult {
  readonly callId: string;
  readonly text: string;
  readonly isError: boolean;
}

/** One message, the same for both protocols: the results of parallel calls are one message of role `tool`. */
export interface TurnMessage {
  readonly role: 'user' | 'assistant' | 'tool';
  readonly text: string;
  readonly toolCalls: readonly TurnToolCall[];
  readonly toolResults: readonly TurnToolResult[];
}

/** A tool that the request offers to the model. */
export interface TurnTool {
  readonly name: string;
  readonly description: string;
  readonly inputSchema: unknown;
}

/** Everything that a script may decide on. */
export interface Turn {
  readonly protocol: ProtocolName;
  /** 0-based: how many assistant messages the request holds. Survives retries and killed workers, as it is no state. */
  readonly index: number;
  /** 0-based: how many requests with this very conversation and model came before. 1 is the first retry. */
  readonly attempt: number;
  /** 1-based: the nth request to a model that this endpoint has seen, refused ones included. */
  readonly requestNumber: number;
  readonly model: string;
  readonly system: string;
  readonly messages: readonly TurnMessage[];
  readonly tools: readonly TurnTool[];
  /** False: there are no tools, or the request says that none is to be called (`tool_choice`). */
  readonly mayCall: boolean;
  /** The cap of the request; undefined when it has none. */
  readonly maxOutputTokens: number | undefined;
  /** Text of the last message of the user; empty when there is none. */
  readonly lastUserText: string;
  /** Tool results that came after the model's last message. */
  readonly lastToolResults: readonly TurnToolResult[];
  /** Headers of the request, names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
}

/** A tool call to make. `rawArguments` is sent as it is, and may be no JSON; the id is made from the request number unless given. */
export type ScriptedCall = { readonly tool: string; readonly id?: string } & (
  | { readonly args: unknown; readonly rawArguments?: never }
  | { readonly rawArguments: string; readonly args?: never }
);

/** How an answer departs from an honest, ordinary one. The bill is honest whatever `usage` says on the wire. */
export interface AnswerOptions {
  /** Tokens of hidden reasoning: output, billed, and inside the cap. */
  readonly reasoningTokens?: number;
  /** `missing` leaves usage out; an object is merged over the honest usage, in the names of the protocol (to lie). */
  readonly usage?: 'missing' | Readonly<Record<string, unknown>>;
  /** The protocol's own word, in place of the one that follows from the answer. */
  readonly finishReason?: string;
  /** Model named in the answer, in place of the one that was asked for. */
  readonly modelReported?: string;
  readonly serviceTier?: string;
}

/** A complete answer: text, tool calls, or both. */
export type Answer = AnswerOptions &
  (
    | { readonly say: string; readonly call?: undefined }
    | { readonly call: readonly ScriptedCall[]; readonly say?: string }
  );

/** A refusal by the provider, not billed. Without a body, the protocol's usual error for that status. */
export interface FailStep {
  readonly fail: {
    /** 400 to 599. */
    readonly status: number;
    readonly body?: string | Readonly<Record<string, unknown>>;
    readonly retryAfterSeconds?: number;
    readonly headers?: Readonly<Record<string, string>>;
  };
}

/** Never answers, until the client goes. Billed: the input, and the output of `of`, which the provider produced in vain. */
export interface HangStep {
  readonly hang: true;
  readonly of?: Answer;
}

/** Sends the first half of an answer (or that many bytes of it), then closes the connection. Billed whole. */
export interface TruncateStep {
  readonly truncate: true | number;
  readonly of?: Answer;
}

/** Any bytes. Below status 400 it is billed, the body counted as output, within the cap. */
export interface RawStep {
  readonly raw: {
    readonly status: number;
    readonly body: string;
    readonly headers?: Readonly<Record<string, string>>;
  };
}

/** Waits before another step. Billed from the start: the provider works while the client waits. */
export interface DelayStep {
  readonly delayMs: number;
  readonly next: Step;
}

/** What the scripted model does with one request. */
export type Step = Answer | FailStep | HangStep | TruncateStep | RawStep | DelayStep;

/** A scripted model: a function of the turn alone, so that a retry gets the same answer. */
export type Script = (turn: Turn) => Step | Promise<Step>;
