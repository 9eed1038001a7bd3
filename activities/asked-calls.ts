import { checkJson } from '../src/core/json.ts';
import { utf8Bytes } from '../src/core/values.ts';
import type { AskedCall } from '../src/calls.ts';
import type { WrittenCall } from '../src/providers/generate.ts';

/** Most calls of one answer: each is a record, and its own or several events of history. */
export const MAX_CALLS = 256;
/** Longest arguments of one call that go into workflow history. */
const MAX_ARGS_BYTES = 128 * 1024;
/** All arguments of one answer together: a payload of Temporal's may have 2 MB. */
const MAX_ASKED_BYTES = 1024 * 1024;
/**
 * What arguments may grow by when they are written out again: `1e15` becomes sixteen digits. They go back to the model, and
 * the bound of the next call has but the tokens that were counted for them here, and a margin for each call.
 */
const MAX_GROWTH_BYTES = 16;
/** Longest tool name that is kept of what a model wrote, in UTF-16 units. */
const MAX_NAME = 256;
/** Longest tool name that providers take. */
const MAX_WIRE_NAME = 64;

/** The calls of an answer, as the guard gets them: with safe ids, and arguments that are JSON or the reason why not. */
export function readCalls(calls: readonly WrittenCall[]): AskedCall[] {
  let bytes = 0;
  const seen = new Set<string>();
  return calls.map((call) => {
    const id = usableId(call.id, seen);
    const size = utf8Bytes(call.json);
    bytes += size;
    const tool = call.tool.slice(0, MAX_NAME).toWellFormed();
    if (size > MAX_ARGS_BYTES)
      return { id, tool, args: null, problem: `they have ${size} bytes, and may have ${MAX_ARGS_BYTES}` };
    if (bytes > MAX_ASKED_BYTES)
      return { id, tool, args: null, problem: 'the calls of this answer are too large together' };
    return { id, tool, ...parsed(call.json, size) };
  });
}

/** A tool's name as it can be sent back: providers refuse a whole request for one that a model made up. */
export function wireName(tool: string): string {
  return tool.replace(/[^a-zA-Z0-9_-]/g, '_').slice(0, MAX_WIRE_NAME) || '_';
}

function parsed(json: string, size: number): Pick<AskedCall, 'args' | 'problem'> {
  try {
    // Some models say nothing where they mean no arguments.
    const args: unknown = json.trim() === '' ? {} : JSON.parse(json);
    const problem = checkJson(args) ?? growthOf(args, size);
    return { args: problem ? null : args, problem };
  } catch (thrown) {
    return { args: null, problem: `they are not JSON (${(thrown as Error).message.slice(0, 100).toWellFormed()})` };
  }
}

function growthOf(args: unknown, size: number): string | null {
  if (utf8Bytes(JSON.stringify(args)) <= size + MAX_GROWTH_BYTES) return null;
  return 'numbers in exponent form are longer than what was written: write them out';
}

/** An id of a provider's, or one of ours where its own is missing, odd or not unique. */
function usableId(id: string, seen: Set<string>): string {
  let usable = id;
  for (let number = seen.size; !/^[\w.:-]{1,128}$/.test(usable) || seen.has(usable); number++)
    usable = `call_${number}`;
  seen.add(usable);
  return usable;
}
