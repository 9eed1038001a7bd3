import { readdirSync, readFileSync } from 'node:fs';

const histories = new URL('histories/', import.meta.url);
const atRoot = (name: string): string => readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8');

/** The folder of a version's recordings. */
export function folderOf(version: string): URL {
  return new URL(`${version}/`, histories);
}

/** The file of a recording's run, counted from 0, in the folder of its version. */
export function fileOf(name: string, run: number): string {
  return run === 0 ? `${name}.json` : `${name}.${run + 1}.json`;
}

/** The names of a version's recordings, and how many runs each has. */
export function recordingsOf(version: string): Map<string, number> {
  const runs = new Map<string, number>();
  for (const file of readdirSync(folderOf(version))) {
    const [, name] = /^([\w-]+)(?:\.\d+)?\.json$/.exec(file) ?? [];
    if (name) runs.set(name, (runs.get(name) ?? 0) + 1);
  }
  return runs;
}

/** The versions whose histories are recorded. */
export function recordedVersions(): string[] {
  return readdirSync(histories).toSorted();
}

/** The version that is being worked on, as package.json has it. */
export function currentVersion(): string {
  return (JSON.parse(atRoot('package.json')) as { readonly version: string }).version;
}

/**
 * Why a version's histories may not be recorded, or null. What a release left behind in Temporal has to replay for ever: its
 * recordings are never made anew.
 *
 * @param changelog the text of CHANGELOG.md, whose heading of a version says whether it was released
 */
export function recordingProblem(version: string, current: string, changelog: string): string | null {
  if (version !== current)
    return `package.json is at ${current}: only its histories can be recorded, and not those of ${version}`;
  if (changelog.includes(`## [${version}] - unreleased`)) return null;
  return `CHANGELOG.md does not say that ${version} is unreleased: its histories stay as they are, the next version has its own`;
}

/** {@link recordingProblem} of this repository. */
export function recordingProblemHere(version: string): string | null {
  return recordingProblem(version, currentVersion(), atRoot('CHANGELOG.md'));
}
