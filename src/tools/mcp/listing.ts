import type { Client, Tool } from '@modelcontextprotocol/client';
import { AjvJsonSchemaValidator } from '@modelcontextprotocol/client/validators/ajv';
import { ToolSchema } from '@modelcontextprotocol/core';
import { z } from 'zod';
import { canonicalJson } from '../../core/canonical.ts';
import { messageOf } from '../../core/errors.ts';
import { compileSchema } from '../../core/schema.ts';
import type { ToolDescription } from '../tool.ts';

/** A tool as its server lists it: fit to be called, or with what is wrong with it. */
export type ListedTool =
  | {
      readonly ok: true;
      readonly description: ToolDescription;
      /** Canonical JSON of the input schema, to compare a pinned one with. */
      readonly pin: string;
      /** What the SDK checks the tool's output by. */
      readonly definition: Tool;
    }
  | { readonly ok: false; readonly problem: string };

/** The tools of a server by name. */
export type Listing = ReadonlyMap<string, ListedTool>;

/** Most pages and tools that are read: a list without end is a fault, or worse. */
const MAX_PAGES = 100;
const MAX_TOOLS = 10_000;

/** Only the frame: one bad tool shall not hide the others, nor which one it is. */
const PAGE = z.looseObject({ tools: z.array(z.unknown()), nextCursor: z.string().optional() });

/** Reads all pages of `tools/list`. @throws what the SDK throws, and Error for a list without end. */
export async function listTools(client: Client, timeoutMs: number): Promise<Listing> {
  const listing = new Map<string, ListedTool>();
  if (client.getServerCapabilities()?.tools === undefined) return listing;
  const validator = new AjvJsonSchemaValidator();
  let cursor: string | undefined;
  for (let page = 0; page < MAX_PAGES; page++) {
    const params = cursor === undefined ? {} : { cursor };
    const answer = await client.request({ method: 'tools/list', params }, PAGE, { timeout: timeoutMs });
    answer.tools.forEach((tool) => addTool(listing, tool, validator));
    if (listing.size > MAX_TOOLS) throw new Error(`tools/list has more than ${MAX_TOOLS} tools`);
    if (answer.nextCursor === undefined || answer.nextCursor === cursor) return listing;
    cursor = answer.nextCursor;
  }
  throw new Error(`tools/list has more than ${MAX_PAGES} pages`);
}

function addTool(listing: Map<string, ListedTool>, raw: unknown, validator: AjvJsonSchemaValidator): void {
  const name = nameOf(raw) ?? `(number ${listing.size + 1} of the list)`;
  const twice = listing.has(name);
  listing.set(name, twice ? { ok: false, problem: 'is listed twice' } : checkedTool(raw, validator));
}

function nameOf(raw: unknown): string | null {
  const name = typeof raw === 'object' && raw !== null && 'name' in raw ? raw.name : null;
  return typeof name === 'string' ? name : null;
}

function checkedTool(raw: unknown, validator: AjvJsonSchemaValidator): ListedTool {
  const parsed = ToolSchema.safeParse(raw);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    return { ok: false, problem: `is listed wrongly: ${issue?.path.join('.') ?? ''}: ${issue?.message ?? ''}` };
  }
  // The schema as it was sent: parsing may have left something out.
  const inputSchema = (raw as { readonly inputSchema: Record<string, unknown> }).inputSchema;
  try {
    validator.getValidator(inputSchema);
    compileSchema(inputSchema)({});
  } catch (error) {
    return { ok: false, problem: `has an inputSchema that is not valid: ${messageOf(error)}` };
  }
  try {
    if (parsed.data.outputSchema !== undefined) validator.getValidator(parsed.data.outputSchema);
  } catch (error) {
    return { ok: false, problem: `has an outputSchema that is not valid: ${messageOf(error)}` };
  }
  return pinned(parsed.data, inputSchema);
}

function pinned(definition: Tool, inputSchema: Record<string, unknown>): ListedTool {
  const description = { description: definition.description ?? definition.title ?? '', inputSchema };
  try {
    return { ok: true, description, pin: canonicalJson(inputSchema), definition };
  } catch (error) {
    return { ok: false, problem: `has an inputSchema that can not be pinned: ${messageOf(error)}` };
  }
}
