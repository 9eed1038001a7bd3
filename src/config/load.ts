import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type { z } from 'zod';
import { CelSyntaxError, compileCel } from '../core/cel.ts';
import { AegrailError } from '../core/errors.ts';
import { closest } from './closest.ts';
import { CONFIG_NAMES, type ConfigSource, readSource } from './source.ts';
import { contractFile, type ContractFile } from './schema.ts';

/** A contract file that was read and checked, as far as it can be without touching the world. */
export interface LoadedConfig {
  readonly source: ConfigSource;
  readonly file: ContractFile;
}

/**
 * Reads and checks a contract file.
 *
 * @param name the file, or undefined to look for the usual names
 * @throws AegrailError CONFIG_INVALID: each problem on a line, with file, line and what would be right
 */
export async function loadConfig(name: string | undefined, cwd: string): Promise<LoadedConfig> {
  const file = name ?? CONFIG_NAMES.find((candidate) => existsSync(resolve(cwd, candidate))) ?? 'aegrail.yaml';
  const source = await readSource(file, cwd);
  const parsed = contractFile.safeParse(source.value);
  if (!parsed.success) throw invalid(parsed.error.issues.flatMap((issue) => told(source, issue)));
  const problems = ruleProblems(source, parsed.data);
  if (problems.length > 0) throw invalid(problems);
  return { source, file: parsed.data };
}

type Ruled = Pick<ContractFile['agents'][string]['tools'][string], 'when' | 'approval'>;

function under(kind: 'tools' | 'agents'): (entry: readonly [string, Ruled]) => Ruled & { kind: string; name: string } {
  return ([name, { when, approval }]) => ({ kind, name, when, approval });
}

/** Rules that do not parse, with the place inside the expression. */
function ruleProblems(source: ConfigSource, file: ContractFile): string[] {
  const problems: string[] = [];
  for (const [agent, { tools, agents, budget }] of Object.entries(file.agents)) {
    const at = ['agents', agent, 'budget', 'approvers'];
    const problem = budget.approvers === undefined ? null : ruleProblem(budget.approvers, ['approver']);
    if (problem) problems.push(`${source.at(at)}: ${at.join('.')}: ${problem}`);
    const ruled = [...Object.entries(tools).map(under('tools')), ...Object.entries(agents).map(under('agents'))];
    for (const { kind, name, when, approval } of ruled) {
      const path = ['agents', agent, kind, name, 'when'];
      if (typeof when === 'object' && !file.predicates) {
        problems.push(
          `${source.at(path)}: ${path.join('.')}: names the predicate ${when.predicate}, and the file has no predicates module`,
        );
      }
      const rules = [
        { at: path, text: typeof when === 'string' ? when : undefined, reads: [] },
        ...(typeof approval === 'object'
          ? [
              { at: [...path.slice(0, -1), 'approval', 'when'], text: approval.when, reads: [] },
              { at: [...path.slice(0, -1), 'approval', 'approvers'], text: approval.approvers, reads: ['approver'] },
            ]
          : []),
      ];
      for (const { at, text, reads } of rules) {
        const why = text === undefined ? null : ruleProblem(text, reads);
        if (why) problems.push(`${source.at(at)}: ${at.join('.')}: ${why}`);
      }
    }
  }
  return problems;
}

/** Why a text is no rule, or null. */
function ruleProblem(text: string, reads: readonly string[]): string | null {
  try {
    compileCel(text, reads);
    return null;
  } catch (thrown) {
    if (!(thrown instanceof CelSyntaxError)) throw thrown;
    const where = `at character ${thrown.offset + 1} of ${JSON.stringify(text)}`;
    const known = ['args', 'principal', 'session', 'budget', ...reads];
    const names = `${known.slice(0, -1).join(', ')} and ${known.at(-1)}`;
    return `is no CEL rule: ${thrown.message} (${where}). A rule reads ${names}, and answers true or false`;
  }
}

function told(source: ConfigSource, issue: z.core.$ZodIssue): string[] {
  const name = issue.path.map(String).join('.') || 'the file';
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map(
        (key) =>
          `${source.at([...issue.path, key])}: ${name === 'the file' ? '' : `${name}.`}${key}: is not known here.${suggestion(key, issue.path)}`,
      );
    case 'invalid_union':
      return [`${source.at(issue.path)}: ${name}: ${unionProblem(issue)}`];
    case 'invalid_key':
      return [`${source.at(issue.path)}: ${name}: ${issue.issues[0]?.message ?? issue.message}`];
    default:
      return [`${source.at(issue.path)}: ${name}: ${issue.message}`];
  }
}

/** Of the alternatives of a union, the one that the value came nearest to. */
function unionProblem(issue: z.core.$ZodIssueInvalidUnion): string {
  const nearest = [...issue.errors].sort((a, b) => a.length - b.length)[0]?.[0];
  if (!nearest) return issue.message;
  const path = nearest.path.map(String).join('.');
  return path === '' ? nearest.message : `${path}: ${nearest.message}`;
}

function suggestion(key: string, path: readonly PropertyKey[]): string {
  const known = knownKeys(path);
  const near = closest(key, known);
  if (near) return ` Did you mean ${near}?`;
  return known.length === 0 ? '' : ` Known are: ${known.join(', ')}`;
}

/** The keys that the schema has at a path. */
function knownKeys(path: readonly PropertyKey[]): string[] {
  let schema: unknown = contractFile;
  for (const key of path) schema = inside(schema, key);
  return Object.keys(unwrapped(schema)?.shape ?? {});
}

interface SchemaDef {
  readonly shape?: Record<string, unknown>;
  readonly valueType?: unknown;
  readonly element?: unknown;
  readonly innerType?: unknown;
}

function inside(schema: unknown, key: PropertyKey): unknown {
  const def = unwrapped(schema);
  return def?.shape?.[String(key)] ?? def?.valueType ?? def?.element;
}

/** A schema's definition, without its optional and default layers. */
function unwrapped(schema: unknown): SchemaDef | undefined {
  const def = (schema as { def?: SchemaDef } | undefined)?.def;
  return def?.innerType ? unwrapped(def.innerType) : def;
}

function invalid(problems: readonly string[]): AegrailError {
  return new AegrailError('CONFIG_INVALID', problems.join('\n'));
}
