import { isCount } from '../core/usage.ts';

/** Reads counts out of an untrusted usage object, and keeps the first thing that was wrong with it. */
export class UsageReader {
  readonly #raw: Readonly<Record<string, unknown>>;
  #problem: string | null = null;

  constructor(raw: Readonly<Record<string, unknown>>) {
    this.#raw = raw;
  }

  /** What can't be true, or null. */
  get problem(): string | null {
    return this.#problem;
  }

  refuse(problem: string): void {
    this.#problem ??= problem;
  }

  /** A count, by its path; null when it, or what holds it, is absent or null. Anything else is refused. */
  count(name: string, detail?: string): number | null {
    const held = own(this.#raw, name);
    if (detail === undefined || held === null) return this.#countOf(name, held);
    if (typeof held !== 'object' || Array.isArray(held)) {
      this.refuse(`usage.${name} is no object`);
      return null;
    }
    return this.#countOf(`${name}.${detail}`, own(held, detail));
  }

  /** Those of the named fields that are there. */
  modifiers(names: readonly string[]): Record<string, string> {
    return Object.assign({}, ...names.map((name) => this.modifier(name, own(this.#raw, name))));
  }

  /** A field that says how a call was billed; nothing when it is absent. */
  modifier(name: string, value: unknown): Record<string, string> {
    if (value === undefined || value === null) return {};
    if (typeof value === 'string' && value.length <= 64) return { [name]: value };
    this.refuse(`${name} is no short text`);
    return {};
  }

  #countOf(path: string, value: unknown): number | null {
    if (value === null) return null;
    if (isCount(value)) return value;
    this.refuse(`usage.${path} is no count: a whole number from 0 is due`);
    return null;
  }
}

function own(holder: object, name: string): unknown {
  return (Object.hasOwn(holder, name) ? (holder as Record<string, unknown>)[name] : null) ?? null;
}
