import { AegrailError } from './errors.ts';

/** Most accounts of one contract. */
export const MAX_ACCOUNTS = 8;
/** Longest name of an account, in UTF-16 units. */
const MAX_NAME = 200;
const PLACEHOLDER = /\{([^{}]*)\}/g;

/** The id of an account's workflow. */
export function accountWorkflowId(name: string): string {
  return `account:${name}`;
}

/** The account of a workflow id; null when it is none. */
export function accountOfWorkflow(workflowId: string): string | null {
  return workflowId.startsWith('account:') ? workflowId.slice('account:'.length) : null;
}

/** Why a value is no name of an account, or null. */
export function accountNameProblem(value: unknown): string | null {
  if (typeof value !== 'string' || value.trim() === '') return "an account's name must be text";
  if (value.length > MAX_NAME) return `an account's name has ${value.length} characters, and may have ${MAX_NAME}`;
  if (/\p{Cc}/u.test(value) || !value.isWellFormed()) return "an account's name holds control characters";
  return null;
}

/** Why a text is no account of a contract, or null. */
export function accountTemplateProblem(template: string): string | null {
  const problem = accountNameProblem(template);
  if (problem) return problem;
  const plain = template.replace(PLACEHOLDER, (whole, name: string) =>
    name === 'user' || name === 'agent' ? '' : whole,
  );
  return /[{}]/.test(plain) ? 'the only placeholders are {user} and {agent}' : null;
}

/**
 * The accounts of a session, each once: those of its contract, and the one that it was started with.
 *
 * @throws AegrailError INPUT_INVALID when a name is too long with the user's in it
 */
export function accountsOf(
  templates: readonly string[] | undefined,
  started: string | undefined,
  session: { readonly user: string; readonly agent: string },
): string[] {
  const named = (templates ?? []).map((template) =>
    template.replace(PLACEHOLDER, (whole, name: string) =>
      name === 'user' || name === 'agent' ? session[name] : whole,
    ),
  );
  const names = new Set(started === undefined ? named : [...named, started]);
  for (const name of names) {
    const problem = accountNameProblem(name);
    if (problem) throw new AegrailError('INPUT_INVALID', `The session's account ${name.slice(0, 64)}…: ${problem}.`);
  }
  return [...names];
}
