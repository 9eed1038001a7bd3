import { AegrailError } from './errors.ts';

/** Variables by name, as in `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** `$${` (a literal `${`), `${NAME}`, `${NAME:-default}`, and any other `${`, which is refused. */
const REFERENCE = /\$\$\{|\$\{(?:([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}|[^}]*\}?)/g;

/**
 * Puts variables of the worker's environment in for `${NAME}` and `${NAME:-default}`, as MCP clients do; the default
 * stands for a variable that is missing or empty, as in a shell. `$${` stands for `${`.
 *
 * @throws AegrailError CONFIG_INVALID for a missing variable, and for other forms (`${input:x}`, `${env:X}`): to pass them on
 *   unexpanded would send them as a password.
 */
export function expandVariables(text: string, env: Environment, where: string): string {
  return text.replace(REFERENCE, (whole: string, name: string | undefined, fallback: string | undefined) => {
    if (whole === '$${') return '${';
    if (name === undefined) {
      throw new AegrailError(
        'CONFIG_INVALID',
        `${where}: ${whole} is not understood; write \${NAME} or \${NAME:-default}, and $\${ for a literal \${`,
      );
    }
    const value = Object.hasOwn(env, name) ? env[name] : undefined;
    if (value !== undefined && (value !== '' || fallback === undefined)) return value;
    if (fallback !== undefined) return fallback;
    throw new AegrailError(
      'CONFIG_INVALID',
      `${where}: the environment has no variable ${name}; set it for the worker, or write \${${name}:-default}`,
    );
  });
}
