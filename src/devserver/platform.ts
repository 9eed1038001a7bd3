/** The machines that pinned binaries exist for. */
export const platforms = ['linux-amd64', 'linux-arm64', 'darwin-amd64', 'darwin-arm64'] as const;

/** One of `platforms`. */
export type Platform = (typeof platforms)[number];

/**
 * The platform of a machine, from Node's words for it (`process.platform`, `process.arch`).
 * @returns undefined where no pinned binary exists (Windows, 32 bit, the BSDs).
 */
export function platformOf(os: string, arch: string): Platform | undefined {
  if (os !== 'linux' && os !== 'darwin') return undefined;
  if (arch === 'x64') return `${os}-amd64`;
  if (arch === 'arm64') return `${os}-arm64`;
  return undefined;
}
