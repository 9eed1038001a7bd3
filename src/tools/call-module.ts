import { messageOf } from '../core/errors.ts';
import { answerText } from './answer-text.ts';
import { failed, type ToolOutcome } from './failure.ts';
import { maskSecrets } from './mask.ts';
import type { AnyTool, ToolContext } from './tool.ts';

/** Most faults of the arguments that a message lists. */
const MAX_ISSUES = 5;

/**
 * Calls a tool written in TypeScript. Never throws: whatever the tool does comes back as an outcome. It does not stop a
 * tool that ignores `context.signal`, nor cut a long text: both are the caller's.
 *
 * @param args JSON as the model wrote it, parsed here by the tool's own schema.
 */
export async function callModuleTool(tool: AnyTool, args: unknown, context: ToolContext): Promise<ToolOutcome> {
  if (context.signal.aborted) return failed('cancelled', 'no', false, 'the call was cancelled before it began');
  const parsed = await parse(tool, args);
  if (!parsed.ok) return parsed;
  let answer: unknown;
  try {
    answer = await tool.execute(parsed.value, context);
  } catch (error) {
    return thrown(error, context);
  }
  try {
    return { ok: true, result: { text: maskSecrets(answerText(answer), context.secrets), isError: false } };
  } catch (error) {
    const why = maskSecrets(messageOf(error), context.secrets);
    return failed('unserializable', 'yes', false, `the tool ran, but its answer can not be written as JSON: ${why}`);
  }
}

type Parsed = { readonly ok: true; readonly value: never } | (ToolOutcome & { readonly ok: false });

async function parse(tool: AnyTool, args: unknown): Promise<Parsed> {
  try {
    const parsed = await tool.input.safeParseAsync(args);
    // What `input` parsed is what `execute` takes: `defineTool` tied the two together.
    if (parsed.success) return { ok: true, value: parsed.data as never };
    const issues = parsed.error.issues
      .slice(0, MAX_ISSUES)
      .map(({ path, message }) => `${path.map(String).join('.') || 'arguments'}: ${message}`);
    return failed('invalid_arguments', 'no', false, issues.join('; '));
  } catch (error) {
    return failed('invalid_arguments', 'no', false, `the tool's check of its arguments threw: ${messageOf(error)}`);
  }
}

/** A throw while the call was being cancelled is taken for the tool's way of obeying. */
function thrown(error: unknown, context: ToolContext): ToolOutcome {
  const message = maskSecrets(messageOf(error), context.secrets);
  if (context.signal.aborted)
    return failed('cancelled', 'yes', false, `the call was cancelled, and the tool stopped: ${message}`);
  return failed('tool_threw', 'yes', true, `the tool threw: ${message}`);
}
