import { resolve } from 'node:path';
import { AegrailError } from '../../core/errors.ts';
import { type Environment, expandVariables } from '../../core/expand.ts';
import { serverEnvironment } from './server-environment.ts';

/** A server that is started as a process and spoken to over its stdin and stdout. */
export interface StdioServerConfig {
  readonly command: string;
  readonly args?: readonly string[] | undefined;
  /** Given to the process beside the few harmless variables that every process gets. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  /** Relative to the contract file, whose directory it is when left out. */
  readonly cwd?: string | undefined;
}

/** A server that is reached over streamable HTTP. */
export interface HttpServerConfig {
  readonly url: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** The shape that users know from other MCP clients. Values may hold `${NAME}` and `${NAME:-default}`. */
export type McpServerConfig = StdioServerConfig | HttpServerConfig;

/** A server with everything filled in. It holds secrets: never log it. */
export type ResolvedServer =
  | {
      readonly kind: 'stdio';
      readonly name: string;
      readonly command: string;
      readonly args: readonly string[];
      readonly env: Readonly<Record<string, string>>;
      readonly cwd: string;
    }
  | {
      readonly kind: 'http';
      readonly name: string;
      readonly url: URL;
      readonly headers: Readonly<Record<string, string>>;
    };

/**
 * Expands the variables of a server's configuration, and checks what would otherwise fail in mid-session.
 *
 * @throws AegrailError CONFIG_INVALID naming the server, and the variable or header. Never a value.
 */
export function resolveServer(
  name: string,
  config: McpServerConfig,
  env: Environment,
  baseDir: string,
): ResolvedServer {
  const expand = (text: string, where: string): string => expandVariables(text, env, `MCP server "${name}", ${where}`);
  const expandAll = (values: Readonly<Record<string, string>>, where: string): Record<string, string> =>
    Object.fromEntries(Object.entries(values).map(([key, value]) => [key, expand(value, `${where}.${key}`)]));
  if ('url' in config) {
    const headers = expandAll(config.headers ?? {}, 'headers');
    checkHeaders(name, headers);
    return { kind: 'http', name, url: httpUrl(name, expand(config.url, 'url')), headers };
  }
  return {
    kind: 'stdio',
    name,
    command: expand(config.command, 'command'),
    args: (config.args ?? []).map((arg, index) => expand(arg, `args[${index}]`)),
    env: serverEnvironment(env, expandAll(config.env ?? {}, 'env')),
    cwd: resolve(baseDir, expand(config.cwd ?? '.', 'cwd')),
  };
}

function httpUrl(name: string, text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    throw new AegrailError('CONFIG_INVALID', `MCP server "${name}": url must be an http:// or https:// address`);
  }
  return url;
}

/** fetch would refuse these too, but with the value, a secret more often than not, in its message. */
function checkHeaders(name: string, headers: Readonly<Record<string, string>>): void {
  for (const [header, value] of Object.entries(headers)) {
    if (!/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/.test(header)) {
      throw new AegrailError('CONFIG_INVALID', `MCP server "${name}": "${header}" is not a name of an HTTP header`);
    }
    if (!/^[\t\x20-\x7e\x80-\xff]*$/.test(value)) {
      throw new AegrailError(
        'CONFIG_INVALID',
        `MCP server "${name}", headers.${header}: holds a line break or another character that HTTP does not allow`,
      );
    }
  }
}
