import { z } from 'zod';
import { accountTemplateProblem, MAX_ACCOUNTS } from '../core/account-name.ts';
import { limitProblem, type LimitsInput } from '../core/start-input.ts';
import { sinkSchema } from './sink-schema.ts';

/** Tool names that every provider takes. */
const TOOL_NAME = /^[a-zA-Z0-9_-]{1,64}$/;
const AGENT_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/;

const limit = (key: keyof LimitsInput): z.ZodOptional<z.ZodNumber> =>
  z
    .number()
    .superRefine((value, context) => {
      const why = limitProblem(key, value);
      if (why) context.addIssue({ code: 'custom', message: `must be ${why}` });
    })
    .optional();

const limits = z.strictObject({
  usd: limit('usd'),
  tokens: limit('tokens'),
  wallSeconds: limit('wallSeconds'),
  maxToolCalls: limit('maxToolCalls'),
  maxRecursionDepth: limit('maxRecursionDepth'),
});

const seconds = z.number().positive().max(31_536_000);

const approval = z.strictObject({
  /** CEL: which calls are asked for; left out, every one, or with aboveUsd those only. */
  when: z.string().min(1).optional(),
  /** Asks for calls as well once the session has used more than so many USD. */
  aboveUsd: limit('usd'),
  quorum: z.int().min(1).max(20).default(1),
  /** CEL over approver.id and what `when` sees: who may decide; left out, anybody. */
  approvers: z.string().min(1).optional(),
  excludeUser: z.boolean().default(true),
  expiresSeconds: seconds.default(86_400),
  show: z.enum(['redacted', 'full']).default('redacted'),
});

const redact = z
  .strictObject({ showArgs: z.array(z.string()).default([]), showResult: z.boolean().default(false) })
  .default({ showArgs: [], showResult: false });

const tool = z
  .strictObject({
    module: z.string().min(1).optional(),
    export: z.string().min(1).optional(),
    mcp: z.string().min(1).optional(),
    tool: z.string().min(1).optional(),
    description: z.string().min(1).optional(),
    when: z.union([z.string().min(1), z.strictObject({ predicate: z.string().min(1) })]).optional(),
    /** Asks people before a call runs: true, or a rule. */
    approval: z.union([z.literal(true), approval]).optional(),
    timeoutSeconds: seconds.default(60),
    idempotent: z.boolean().default(false),
    redact,
    secrets: z.array(z.string().min(1)).default([]),
  })
  .superRefine((value, context) => {
    const problem = sourceProblem(value);
    if (problem) context.addIssue({ code: 'custom', message: problem });
  });

/** A tool is of a module or of an MCP server; each has a name of its own to go with it. */
function sourceProblem(value: {
  module?: string | undefined;
  mcp?: string | undefined;
  export?: string | undefined;
  tool?: string | undefined;
  secrets: string[];
}): string | null {
  if (Boolean(value.module) === Boolean(value.mcp))
    return 'needs just one of module (a TypeScript file) and mcp (a server)';
  if (value.export && !value.module) return 'export goes with module; the name of an MCP tool is given by tool';
  if (value.tool && !value.mcp) return 'tool goes with mcp; the name of an export is given by export';
  return value.mcp && value.secrets.length > 0
    ? "secrets are for module tools; an MCP server's are given by its env or headers"
    : null;
}

/** An agent that another may call. */
const subAgent = z.strictObject({
  /** Name of the agent; left out, the tool's own. */
  agent: z.string().min(1).optional(),
  /** What the model is told of it. */
  description: z.string().min(1).optional(),
  when: z.union([z.string().min(1), z.strictObject({ predicate: z.string().min(1) })]).optional(),
  approval: z.union([z.literal(true), approval]).optional(),
  /** Most that one session of it is given; at most its own limits. */
  limits: limits.omit({ maxRecursionDepth: true }).default({}),
  redact,
});

const budget = z.strictObject({
  onExceeded: z.enum(['kill', 'ask']).default('kill'),
  /** CEL over approver.id, principal, session and budget: who may top up; left out, anybody. */
  approvers: z.string().min(1).optional(),
  excludeUser: z.boolean().default(true),
  askSeconds: seconds.default(86_400),
  /** The model is told when so much of a budget is used; 0 tells it nothing. */
  softLimit: z.number().min(0).max(1).default(0.8),
});

const account = z.string().superRefine((value, context) => {
  const why = accountTemplateProblem(value);
  if (why) context.addIssue({ code: 'custom', message: why });
});

const agent = z.strictObject({
  version: z.string().regex(AGENT_NAME, 'must be a name such as v1').default('v1'),
  model: z.string().regex(/^[^/\s]+\/\S+$/, 'must be provider/model, for example openai/gpt-5.4-mini'),
  instructions: z.string().max(1_000_000).default(''),
  tools: z.record(z.string().regex(TOOL_NAME, 'a tool name has 1 to 64 letters, digits, _ and -'), tool).default({}),
  /** Agents that it may call, as tools: each call is a session of its own, with a slice of this one's budget. */
  agents: z
    .record(z.string().regex(TOOL_NAME, 'a name of an agent to call has 1 to 64 letters, digits, _ and -'), subAgent)
    .default({}),
  limits,
  budget: budget.prefault({}),
  audit: z.enum(['required', 'best_effort']).default('required'),
  maxOutputTokens: z.int().positive().max(1_000_000).default(4096),
  minOutputTokens: z.int().positive().max(1_000_000).default(64),
  modelTimeoutSeconds: seconds.default(300),
  maxParallelCalls: z.int().positive().max(100).default(16),
  maxResultBytes: z.int().min(256).max(1_048_576).default(65_536),
  /** How often a model may make one call with the same arguments; 0: as often as it likes. */
  loops: z
    .strictObject({
      maxRepeats: z.int().min(0).max(1_000).default(5),
      /** Such a call is refused, or people are asked. */
      onRepeat: z.enum(['refuse', 'ask']).optional(),
    })
    .default({ maxRepeats: 5 }),
  /** When a long conversation is replaced by a summary of it. */
  context: z
    .strictObject({
      /** Tokens that the model's window holds; left out, what the price list says. */
      windowTokens: z.int().min(1_000).max(100_000_000).optional(),
      /** At so much of the window; 0: never. */
      compactAt: z
        .number()
        .refine((part) => part === 0 || (part >= 0.1 && part <= 1), 'must be 0 (never), or from 0.1 to 1')
        .optional(),
    })
    .default({}),
  /** Accounts that its sessions lease their budgets from; {user} and {agent} stand for those of the session. */
  accounts: z.array(account).max(MAX_ACCOUNTS).optional(),
});

const mcpServer = z.union([
  z.strictObject({
    command: z.string().min(1),
    args: z.array(z.string()).optional(),
    env: z.record(z.string(), z.string()).optional(),
    cwd: z.string().optional(),
  }),
  z.strictObject({ url: z.url(), headers: z.record(z.string(), z.string()).optional() }),
]);

const usdPerMillion = z.number().nonnegative().max(1_000_000);

const price = z.strictObject({
  inputUsdPerMillion: usdPerMillion,
  outputUsdPerMillion: usdPerMillion,
  cacheReadUsdPerMillion: usdPerMillion.optional(),
  cacheWriteUsdPerMillion: usdPerMillion.optional(),
  requestUsd: z.number().nonnegative().max(1000).optional(),
});

const provider = z.strictObject({
  protocol: z.enum(['openai', 'anthropic', 'openai-compatible']).default('openai-compatible'),
  baseUrl: z.url(),
  /** Name of the environment variable that holds the key. */
  apiKeyEnv: z.string().min(1).optional(),
});

/** Name of a log of logs and of its keys, as C2SP's signed notes take it. */
const ORIGIN = /^[A-Za-z0-9._/-]{1,200}$/;
const VKEY = /^[^+\s]{1,200}\+[0-9a-f]{8}\+[A-Za-z0-9+/]+={0,2}$/;

const verifierKey = z.string().regex(VKEY, 'must be a verifier key: name+hash+base64, as "aegrail keys list" shows it');

const signing = z
  .strictObject({
    origin: z.string().regex(ORIGIN, 'must be a name such as example.com/aegrail'),
    /** Folder of the signing keys. */
    keys: z.string().min(1).optional(),
    /** Name of the environment variable that holds the signing key. */
    keyEnv: z.string().min(1).optional(),
    cadenceSeconds: z.int().min(1).max(86_400).default(60),
    witnesses: z.array(z.strictObject({ url: z.url(), key: verifierKey })).default([]),
  })
  .superRefine(({ keys, keyEnv }, context) => {
    if ((keys === undefined) === (keyEnv === undefined))
      context.addIssue({ code: 'custom', message: 'needs just one of keys (a folder) and keyEnv (a variable)' });
  });

const encryption = z
  .strictObject({
    /** Name of the environment variable that holds the keys. */
    keysEnv: z.string().min(1).optional(),
    keyFile: z.string().min(1).optional(),
    /** A module whose export `keySource` gives the keys: the way to a KMS. */
    keyModule: z.string().min(1).optional(),
  })
  .superRefine((value, context) => {
    if (Object.values(value).filter((given) => given !== undefined).length === 1) return;
    const message = 'needs just one of keysEnv (a variable), keyFile (a file) and keyModule (a module)';
    context.addIssue({ code: 'custom', message });
  });

/** The contract file, whatever it is written in. */
export const contractFile = z
  .strictObject({
    agents: z.record(z.string().regex(AGENT_NAME, 'an agent name has letters, digits, . _ and -'), agent),
    mcpServers: z.record(z.string(), mcpServer).default({}),
    providers: z.record(z.string(), provider).default({}),
    /** Prices by provider/model, for models that no list has. */
    prices: z.record(z.string(), price).default({}),
    /** A module whose export `predicates` has the rules in TypeScript. */
    predicates: z.string().min(1).optional(),
    store: z
      .string()
      .regex(/^(sqlite:.|postgres(ql)?:\/\/|\$\{)/, 'must be sqlite:PATH or postgres://USER:PASSWORD@HOST/DATABASE')
      .default('sqlite:.aegrail/aegrail.db'),
    sinks: z.array(sinkSchema).default([]),
    taskQueue: z.string().min(1).max(200).optional(),
    /** Signs what the store holds, on a cadence. */
    signing: signing.optional(),
    /** Encrypts what Temporal sees of a session. */
    encryption: encryption.optional(),
    /** With it, only sessions whose contract one of these keys signed run. */
    trustedContractKeys: z.array(verifierKey).min(1).optional(),
  })
  .superRefine((file, context) => {
    if (Object.keys(file.agents).length === 0)
      context.addIssue({ code: 'custom', path: ['agents'], message: 'has no agent' });
    for (const [name, { tools, limits: given, minOutputTokens, maxOutputTokens }] of Object.entries(file.agents)) {
      const at = ['agents', name];
      if (given.usd === undefined && given.tokens === undefined) {
        context.addIssue({
          code: 'custom',
          path: [...at, 'limits'],
          message: 'needs usd or tokens: an agent without either has no budget',
        });
      }
      if (minOutputTokens > maxOutputTokens) {
        context.addIssue({
          code: 'custom',
          path: [...at, 'minOutputTokens'],
          message: `is above maxOutputTokens, which is ${maxOutputTokens}`,
        });
      }
      for (const [toolName, { mcp }] of Object.entries(tools)) {
        if (mcp === undefined || Object.hasOwn(file.mcpServers, mcp)) continue;
        const known = Object.keys(file.mcpServers).join(', ') || 'none';
        context.addIssue({
          code: 'custom',
          path: [...at, 'tools', toolName, 'mcp'],
          message: `there is no MCP server ${mcp}; mcpServers has ${known}`,
        });
      }
    }
  });

/** A contract file after it was checked, with its defaults. */
export type ContractFile = z.output<typeof contractFile>;
/** A contract file as it is written. */
export type ContractFileInput = z.input<typeof contractFile>;
/** One agent of a contract file. */
export type AgentFile = ContractFile['agents'][string];
/** One tool of a contract file. */
export type ToolFile = AgentFile['tools'][string];
/** One agent that another may call. */
export type SubAgentFile = AgentFile['agents'][string];
