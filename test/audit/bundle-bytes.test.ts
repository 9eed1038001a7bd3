import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { auditBundle } from '../../src/audit/audit.ts';
import { BUNDLE_FILES } from '../../src/audit/bundle-format.ts';
import { createFindings, type Finding, type Findings } from '../../src/audit/verdicts.ts';
import { createTestTree, type Files, makeBundle, memorySource, newKey, withManifest } from './make-bundle.ts';
import {
  ended,
  linesOf,
  modelAdmitted,
  modelAnswered,
  playSession,
  pricedSession,
  started,
  STARTED_MS,
} from './priced-session.ts';

const key = newKey();
const auditor = { keys: [key.verifier], witnesses: [], kept: [], histories: null, onProgress: () => undefined };

/** Two short sessions. */
function shortLogs(): readonly string[][] {
  const asked = playSession('sess_a', (emit) => {
    emit('session_started', started('sess_a'));
    emit('llm_admitted', modelAdmitted(STARTED_MS + 3_600_000));
    emit('llm_call', modelAnswered(1));
    emit('session_ended', ended(4));
  });
  const empty = playSession('sess_b', (emit) => {
    emit('session_started', started('sess_b'));
    emit('session_ended', ended(2));
  });
  return [linesOf(asked), linesOf(empty)];
}

/** Logs under one checkpoint. */
function bundleOf(logs: readonly string[][]): Files {
  const tree = createTestTree();
  tree.addKey(key);
  for (const log of logs) tree.head(log);
  tree.checkpoint(key);
  return makeBundle(logs, tree);
}

class Found extends Error {
  readonly finding: Finding;
  constructor(finding: Finding) {
    super(finding.fault);
    this.finding = finding;
  }
}

/** The first thing that an audit finds, or null when it finds nothing. */
async function firstFinding(files: Files): Promise<Finding | null> {
  const found = (finding: Finding): never => {
    throw new Found(finding);
  };
  const findings: Findings = { ...createFindings(), found };
  try {
    await auditBundle(memorySource(files), auditor, findings);
    return null;
  } catch (thrown) {
    if (thrown instanceof Found) return thrown.finding;
    throw thrown;
  }
}

function replaced(files: Files, name: string, bytes: Buffer): Files {
  return new Map(files).set(name, bytes);
}

function without(bytes: Buffer, at: number): Buffer {
  return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1)]);
}

const small = bundleOf(shortLogs());
/** The same records with nothing signed: most of an audit of so little is signatures, and these changes need none. */
const unsigned = makeBundle(shortLogs(), null);
const changeable = [...small].map(([name, bytes]) => {
  return { name, bytes, bundle: name === BUNDLE_FILES.records ? unsigned : small };
});

test('the bundle that is changed here is right before', async () => {
  expect(await firstFinding(small)).toBeNull();
  expect(await firstFinding(unsigned)).toBeNull();
  expect([...small.keys()].sort()).toHaveLength(6);
});

describe.each(changeable)('$name', ({ name, bytes, bundle }) => {
  test('every change of one byte is detected, at every place', async () => {
    const missed: string[] = [];
    const changed = Buffer.from(bytes);
    const files = replaced(bundle, name, changed);
    for (let at = 0; at < bytes.length; at++) {
      const old = bytes[at]!;
      // A bit, and any other byte: which ones is a function of the place, so that a failure can be repeated.
      for (const byte of [old ^ (1 << (at % 8)), (old + 129 + ((at * 167) % 126)) % 256]) {
        changed[at] = byte;
        if ((await firstFinding(files)) === null) missed.push(`${at}: ${old} -> ${byte}`);
      }
      changed[at] = old;
    }
    expect(missed).toEqual([]);
  }, 60_000);

  test('every byte that is taken out, and every end that is cut off, is detected', async () => {
    const missed: string[] = [];
    for (let at = 0; at < bytes.length; at++) {
      if ((await firstFinding(replaced(bundle, name, without(bytes, at)))) === null) missed.push(`without ${at}`);
      if ((await firstFinding(replaced(bundle, name, bytes.subarray(0, at)))) === null) missed.push(`cut at ${at}`);
    }
    expect(missed).toEqual([]);
  }, 60_000);
});

describe('by a forger, who makes a manifest that fits', () => {
  const names = [...small.keys()].filter((name) => name !== BUNDLE_FILES.manifest);

  test.each(names)(
    'every change of one byte of %s is detected',
    async (name) => {
      const bytes = small.get(name)!;
      const missed: string[] = [];
      for (let at = 0; at < bytes.length; at++) {
        const changed = Buffer.from(bytes);
        changed[at] = bytes[at]! ^ (1 << (at % 8));
        if ((await firstFinding(withManifest(replaced(small, name, changed)))) === null) missed.push(`${at}`);
      }
      expect(missed).toEqual([]);
    },
    60_000,
  );

  test('bytes taken out, put in or changed anywhere are detected', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...names),
        fc.nat(),
        fc.nat({ max: 255 }),
        fc.constantFrom(0, 1),
        fc.boolean(),
        async (name, place, byte, removed, isAdded) => {
          const bytes = small.get(name)!;
          const at = place % bytes.length;
          const parts = [bytes.subarray(0, at), Buffer.from(isAdded ? [byte] : []), bytes.subarray(at + removed)];
          const changed = Buffer.concat(parts);
          fc.pre(!changed.equals(bytes));
          expect(await firstFinding(withManifest(replaced(small, name, changed)))).not.toBeNull();
        },
      ),
      { numRuns: 1000 },
    );
  }, 60_000);
});

describe('a larger bundle', () => {
  const logs = Array.from({ length: 40 }, (_, index) => linesOf(pricedSession(`sess_${index}`)));
  const large = bundleOf(logs);

  test('a change of any byte is detected, whether the manifest is made to fit or not', async () => {
    expect(await firstFinding(large)).toBeNull();
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...large.keys()),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        fc.boolean(),
        async (name, place, by, isFitted) => {
          const changed = Buffer.from(large.get(name)!);
          const at = place % changed.length;
          changed[at] = changed[at]! ^ by;
          const files = replaced(large, name, changed);
          const forged = isFitted && name !== BUNDLE_FILES.manifest ? withManifest(files) : files;
          expect(await firstFinding(forged), `${name}: byte ${at} xor ${by}`).not.toBeNull();
        },
      ),
      { numRuns: 300 },
    );
  }, 60_000);
});
