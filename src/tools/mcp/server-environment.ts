import { DEFAULT_INHERITED_ENV_VARS } from '@modelcontextprotocol/client/stdio';
import type { Environment } from '../../core/expand.ts';

/** What a process needs to find programs, its files and its language. None of these is a secret. */
const HARMLESS = new Set(['PATH', 'HOME', 'LANG', 'TMPDIR', 'TZ']);
/** Without these most programs do not start on Windows, where names have no case. */
const WINDOWS_BASICS = `APPDATA COMSPEC HOMEDRIVE HOMEPATH LOCALAPPDATA PATHEXT PROCESSOR_ARCHITECTURE PROGRAMDATA
  PROGRAMFILES PROGRAMFILES(X86) PROGRAMW6432 SYSTEMDRIVE SYSTEMROOT TEMP TMP USERPROFILE WINDIR`;
const HARMLESS_WINDOWS = new Set([...HARMLESS, ...WINDOWS_BASICS.split(/\s+/)]);

/** The environment of a server's process: the harmless part of the worker's own, and what the configuration gives. */
export function serverEnvironment(
  worker: Environment,
  given: Readonly<Record<string, string>>,
  platform: NodeJS.Platform = process.platform,
): Record<string, string> {
  const inherited: Record<string, string> = {};
  for (const [name, value] of Object.entries(worker)) {
    // A value that starts with `()` is a shell function, which old shells run.
    if (value !== undefined && isHarmless(name, platform) && !value.startsWith('()')) inherited[name] = value;
  }
  return { ...inherited, ...given };
}

function isHarmless(name: string, platform: NodeJS.Platform): boolean {
  if (platform === 'win32') return HARMLESS_WINDOWS.has(name.toUpperCase());
  return HARMLESS.has(name) || name.startsWith('LC_');
}

/**
 * The same environment in a form that the SDK's transport can not add to: it would put USER, SHELL and others of its own
 * process under ours. Node leaves a variable out whose value is undefined.
 */
export function sealedEnvironment(env: Readonly<Record<string, string>>): Record<string, string> {
  const blanks = DEFAULT_INHERITED_ENV_VARS.filter((name) => !Object.hasOwn(env, name)).map((name) => [
    name,
    undefined,
  ]);
  return { ...Object.fromEntries(blanks), ...env } as Record<string, string>;
}
