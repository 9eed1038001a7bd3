import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { auditBundle, type Auditor, auditFile } from '../../src/audit/audit.ts';
import { type BundleFile, contractFileName, type Manifest } from '../../src/audit/bundle-format.ts';
import { folderSource } from '../../src/audit/bundle-source.ts';
import { readChunks } from '../../src/audit/lines.ts';
import { VERDICT_NAMES, type Verdicts } from '../../src/audit/verdicts.ts';
import { canonicalJson } from '../../src/core/canonical.ts';
import {
  createTestTree,
  type Files,
  headOf,
  makeBundle,
  memorySource,
  newKey,
  textOf,
  withManifest,
} from './make-bundle.ts';
import { CONTRACT, CONTRACT_JSON, CONTRACT_SHA256, linesOf, pricedSession } from './priced-session.ts';

/** What bad input gets: each case ends with a named fault, a file and a line, and nothing is thrown. */

const key = newKey();
const auditor: Auditor = {
  keys: [key.verifier],
  witnesses: [],
  kept: [],
  histories: null,
  onProgress: () => undefined,
};
const [a, b] = ['sess_a', 'sess_b'].map((id) => linesOf(pricedSession(id))) as [string[], string[]];

function treeOf(logs: readonly string[][]) {
  const tree = createTestTree();
  tree.addKey(key);
  tree.checkpoint(key);
  for (const log of logs) tree.head(log);
  tree.checkpoint(key);
  return tree;
}

const good = makeBundle([a, b], treeOf([a, b]));

/** The good bundle with other records, and a manifest that fits, but for its totals. */
function withRecords(lines: readonly string[]): Files {
  return withManifest(new Map(good).set('records.jsonl', textOf(lines)), { records: lines.length });
}

function withFile(name: string, change: (text: string) => string | Buffer): Files {
  return withManifest(new Map(good).set(name, Buffer.from(change(good.get(name)?.toString() ?? ''))));
}

/** The good bundle with another manifest, whose hash is right. */
function withMembers(change: (manifest: Manifest) => object): Files {
  const manifest = JSON.parse(good.get('manifest.json')!.toString()) as Manifest;
  return withManifest(good, change(manifest));
}

function renamed(from: string, to: string) {
  return ({ files }: Manifest) => ({
    files: files.map((file) => (file.name === from ? { ...file, name: to } : file)).sort(byName),
  });
}

function byName(one: BundleFile, other: BundleFile): number {
  return one.name < other.name ? -1 : 1;
}

async function faultsOf(audit: Promise<{ readonly verdicts: Verdicts }>) {
  const { verdicts } = await audit;
  const bad = VERDICT_NAMES.filter((name) => verdicts[name].status === 'bad');
  return { bad, findings: VERDICT_NAMES.flatMap((name) => verdicts[name].findings) };
}

type Case = readonly [what: string, files: Files, fault: string, file: string, line?: number];

const swapped = [a[0]!, a[2]!, a[1]!, ...a.slice(3), ...b];
const contract = contractFileName(CONTRACT_SHA256);

const RECORDS: readonly Case[] = [
  ['no record', withRecords([]), 'no_records', 'records.jsonl', 1],
  ['a truncated file', withFile('records.jsonl', (text) => text.slice(0, -100)), 'no_newline', 'records.jsonl', 12],
  ['a missing middle', withRecords([...a.slice(0, 2), ...a.slice(3), ...b]), 'gap', 'records.jsonl', 3],
  [
    'two sessions interleaved, and one line lost',
    withRecords(a.flatMap((line, at) => (at === 2 ? [line] : [line, b[at]!]))),
    'gap',
    'records.jsonl',
    7,
  ],
  ['a line twice', withRecords([...a.slice(0, 2), ...a.slice(1), ...b]), 'repeated', 'records.jsonl', 3],
  ['lines in another order', withRecords(swapped), 'repeated', 'records.jsonl', 3],
  ['CRLF', withFile('records.jsonl', (text) => text.replaceAll('\n', '\r\n')), 'crlf', 'records.jsonl', 1],
  ['an empty line', withRecords([...a, '', ...b]), 'empty_line', 'records.jsonl', 7],
  [
    'bytes that are not UTF-8',
    withFile('records.jsonl', (text) => Buffer.concat([Buffer.from([0x7b, 0xff, 0x0a]), Buffer.from(text)])),
    'not_utf8',
    'records.jsonl',
    1,
  ],
  [
    'a line of 100 MB',
    withFile('records.jsonl', (text) => `${'x'.repeat(100 * 1024 * 1024)}\n${text}`),
    'too_long',
    'records.jsonl',
    1,
  ],
  ['text', withFile('records.jsonl', () => 'hello\n'), 'not_json', 'records.jsonl', 1],
  [
    'a member more',
    withRecords(linesOf(pricedSession('sess_a').map((record) => ({ ...record, zone: 'eu' })))),
    'bad_form',
    'records.jsonl',
    1,
  ],
  [
    'a member less',
    withRecords(linesOf(pricedSession('sess_a').map((record) => ({ ...record, principal: undefined })))),
    'bad_form',
    'records.jsonl',
    1,
  ],
  [
    'a huge number',
    withRecords(linesOf(pricedSession('sess_a').map((record) => ({ ...record, event_id: 1e300 })))),
    'bad_form',
    'records.jsonl',
    1,
  ],
  [
    'a negative number',
    withRecords(linesOf(pricedSession('sess_a').map((record) => ({ ...record, event_id: -1 })))),
    'bad_form',
    'records.jsonl',
    1,
  ],
  [
    'a log that was made anew',
    withRecords([...linesOf(pricedSession('sess_a', { user: 'eve@acme.com' })), ...b]),
    'head_mismatch',
    'records.jsonl',
    6,
  ],
  ['a tail that is cut off', withRecords([...a.slice(0, 5), ...b]), 'tail_missing', 'entries.jsonl', 2],
  ['a session that is left out', withRecords(a), 'session_missing', 'entries.jsonl', 3],
];

const entries = good.get('entries.jsonl')!.toString().split('\n').slice(0, -1);
const notes = good.get('checkpoints.jsonl')!.toString().split('\n').slice(0, -1);

function withEntries(lines: readonly string[]): Files {
  return withManifest(new Map(good).set('entries.jsonl', textOf(lines)), { entries: lines.length });
}

function withNotes(lines: readonly string[]): Files {
  return withManifest(new Map(good).set('checkpoints.jsonl', textOf(lines)), { checkpoints: lines.length });
}

/** A bundle whose checkpoints are signed as they are, whatever is wrong with them. */
function signed(build: (tree: ReturnType<typeof createTestTree>) => void, logs = [a, b]): Files {
  const tree = createTestTree();
  tree.addKey(key);
  build(tree);
  return makeBundle(logs, tree);
}

const other = newKey();
const heads = (tree: ReturnType<typeof createTestTree>): void => {
  tree.head(a);
  tree.head(b);
};

const TREE: readonly Case[] = [
  ['an entry less', withEntries(entries.slice(0, 2)), 'entries_missing', 'checkpoints.jsonl', 2],
  ['an entry more', withEntries([...entries, canonicalJson(headOf(a, 2))]), 'uncovered_entry', 'entries.jsonl', 4],
  [
    'entries in another order',
    withEntries([entries[0]!, entries[2]!, entries[1]!]),
    'wrong_root',
    'checkpoints.jsonl',
    2,
  ],
  [
    'an entry of no known kind',
    withEntries([...entries.slice(0, 2), '{"kind":"tail","v":1}']),
    'bad_entry',
    'entries.jsonl',
    3,
  ],
  [
    'an entry that is not canonical',
    withEntries([...entries.slice(0, 2), ` ${entries[2]}`]),
    'bad_entry',
    'entries.jsonl',
    3,
  ],
  [
    'a head that goes back',
    signed((tree) => {
      heads(tree);
      tree.head(a, 2);
      tree.checkpoint(key);
    }),
    'bad_head',
    'entries.jsonl',
    4,
  ],
  [
    'no entries, and no checkpoints',
    withManifest(new Map(good).set('entries.jsonl', Buffer.alloc(0)).set('checkpoints.jsonl', Buffer.alloc(0)), {
      entries: 0,
      checkpoints: 0,
    }),
    'unknown_key',
    'checkpoints.jsonl',
    1,
  ],
  [
    'a checkpoint that is none',
    withNotes([notes[0]!, canonicalJson({ note: 'hello' })]),
    'bad_checkpoint',
    'checkpoints.jsonl',
    2,
  ],
  [
    'a checkpoint line with a member more',
    withNotes([notes[0]!, notes[1]!.replace('{', '{"a":1,')]),
    'bad_checkpoint',
    'checkpoints.jsonl',
    2,
  ],
  ['checkpoints from a later number on', withNotes(notes.slice(1)), 'checkpoint_missing', 'checkpoints.jsonl', 1],
  [
    'a checkpoint left out',
    signed((tree) => {
      tree.checkpoint(key);
      heads(tree);
      tree.checkpoint(key);
      tree.checkpoint(key);
      tree.notes.splice(1, 1);
    }),
    'checkpoint_missing',
    'checkpoints.jsonl',
    2,
  ],
  ['a checkpoint twice', withNotes([notes[0]!, ...notes]), 'bad_checkpoint', 'checkpoints.jsonl', 2],
  [
    'a checkpoint that was replaced',
    signed((tree) => {
      heads(tree);
      tree.checkpoint(key);
      tree.checkpoint(key, { previous: 'ab'.repeat(32) });
    }),
    'previous_mismatch',
    'checkpoints.jsonl',
    2,
  ],
  [
    'a checkpoint over less than the one before it',
    signed((tree) => {
      heads(tree);
      tree.checkpoint(key);
      tree.checkpoint(key, { size: 1 });
    }),
    'rolled_back',
    'checkpoints.jsonl',
    2,
  ],
  [
    'a checkpoint of an earlier time',
    signed((tree) => {
      heads(tree);
      tree.checkpoint(key);
      tree.checkpoint(key, { time: '2026-01-30T12:00:00.000Z' });
    }),
    'bad_checkpoint',
    'checkpoints.jsonl',
    2,
  ],
  [
    'a checkpoint of another log',
    signed((tree) => {
      heads(tree);
      tree.checkpoint(key, { origin: 'example.com/other' });
    }),
    'bad_checkpoint',
    'checkpoints.jsonl',
    1,
  ],
  [
    'a root that is another',
    signed((tree) => {
      heads(tree);
      tree.checkpoint(key, { root: '00'.repeat(32) });
    }),
    'wrong_root',
    'checkpoints.jsonl',
    1,
  ],
  [
    'a checkpoint that an unknown key signed',
    signed((tree) => {
      heads(tree);
      tree.checkpoint(other);
    }),
    'unknown_key',
    'checkpoints.jsonl',
    1,
  ],
  [
    'a checkpoint that a rotated key signed',
    signed((tree) => {
      heads(tree);
      tree.rotate(key, other);
      tree.checkpoint(key);
    }),
    'expired_key',
    'checkpoints.jsonl',
    1,
  ],
  [
    'a checkpoint that a revoked key signed',
    signed((tree) => {
      heads(tree);
      tree.rotate(key, other);
      tree.revoke(key, other);
      tree.checkpoint(key);
    }),
    'revoked_key',
    'checkpoints.jsonl',
    1,
  ],
  [
    'a signature that is not one of its text',
    signed((tree) => {
      heads(tree);
      tree.checkpoint(key);
      tree.notes[0] = tree.notes[0]!.replace('cadence 60', 'cadence 61');
    }),
    'bad_signature',
    'checkpoints.jsonl',
    1,
  ],
  [
    'a rotation that the old key did not sign',
    signed((tree) => {
      heads(tree);
      tree.rotate(key, other);
      tree.entries[3] = tree.entries[3]!.replace(/"signature":"[^"]{4}/, '"signature":"AAAA');
      tree.checkpoint(key);
    }),
    'bad_entry_signature',
    'entries.jsonl',
    4,
  ],
  [
    'a second first key',
    signed((tree) => {
      heads(tree);
      tree.addKey(other);
      tree.checkpoint(key);
    }),
    'bad_key_statement',
    'entries.jsonl',
    4,
  ],
  [
    'other keys than those of the entries',
    withFile('keys.txt', () => `${other.verifier.vkey}\n`),
    'wrong_keys',
    'keys.txt',
    1,
  ],
];

const FILES: readonly Case[] = [
  ['no manifest', new Map([...good].filter(([name]) => name !== 'manifest.json')), 'no_manifest', 'manifest.json', 1],
  ['an empty manifest', new Map(good).set('manifest.json', Buffer.alloc(0)), 'bad_manifest', 'manifest.json', 1],
  [
    'a manifest of 17 MB',
    new Map(good).set('manifest.json', Buffer.alloc(17 * 1024 * 1024, ' ')),
    'bad_manifest',
    'manifest.json',
    1,
  ],
  [
    'a manifest nested 100,000 deep',
    new Map(good).set('manifest.json', Buffer.from('['.repeat(100_000) + ']'.repeat(100_000))),
    'bad_manifest',
    'manifest.json',
    1,
  ],
  [
    'a manifest that is not UTF-8',
    new Map(good).set('manifest.json', Buffer.from([0x22, 0xff, 0x22])),
    'bad_manifest',
    'manifest.json',
    1,
  ],
  [
    'a manifest with white space',
    new Map(good).set('manifest.json', Buffer.from(` ${good.get('manifest.json')!.toString()}`)),
    'bad_manifest',
    'manifest.json',
    1,
  ],
  [
    'a manifest without its LF',
    new Map(good).set('manifest.json', good.get('manifest.json')!.subarray(0, -1)),
    'bad_manifest',
    'manifest.json',
    1,
  ],
  [
    'a manifest with another hash',
    new Map(good).set(
      'manifest.json',
      Buffer.from(
        good.get('manifest.json')!.toString().replace('"aegrail_version":"0.1.0"', '"aegrail_version":"0.1.1"'),
      ),
    ),
    'bad_manifest',
    'manifest.json',
    1,
  ],
  ['a manifest of another version', withMembers(() => ({ v: 2 })), 'bad_manifest', 'manifest.json', 1],
  ['a manifest with a member more', withMembers(() => ({ more: 1 })), 'bad_manifest', 'manifest.json', 1],
  [
    'a negative number of bytes',
    withMembers(({ files }) => ({ files: files.map((file) => ({ ...file, bytes: -1 })) })),
    'bad_manifest',
    'manifest.json',
    1,
  ],
  [
    'a name that leads out of the folder',
    withMembers(renamed('records.jsonl', '../records.jsonl')),
    'bad_manifest',
    'manifest.json',
    1,
  ],
  ['an absolute name', withMembers(renamed('records.jsonl', '/etc/passwd')), 'bad_manifest', 'manifest.json', 1],
  [
    'a contract that leads out of the folder',
    withMembers(renamed(contract, `contracts/../../${'0'.repeat(64)}.json`)),
    'bad_manifest',
    'manifest.json',
    1,
  ],
  [
    'a file named twice',
    withMembers(({ files }) => ({ files: [...files, files.at(-1)!] })),
    'bad_manifest',
    'manifest.json',
    1,
  ],
  [
    'files in another order',
    withMembers(({ files }) => ({ files: files.toReversed() })),
    'bad_manifest',
    'manifest.json',
    1,
  ],
  [
    'no records named',
    withMembers(({ files }) => ({ files: files.filter(({ name }) => name !== 'records.jsonl') })),
    'bad_manifest',
    'manifest.json',
    1,
  ],
  ['a tree without an origin', withMembers(() => ({ origin: null })), 'bad_manifest', 'manifest.json', 1],
  ['other totals', withMembers(() => ({ sessions: 3 })), 'wrong_total', 'manifest.json', 1],
  ['a file less', new Map([...good].filter(([name]) => name !== 'keys.txt')), 'missing_file', 'keys.txt'],
  ['a file more', new Map(good).set('notes.txt', Buffer.from('hello')), 'extra_file', 'notes.txt'],
  ['a file of another size', new Map(good).set('keys.txt', Buffer.from('')), 'file_mismatch', 'keys.txt'],
  [
    'another file of the same size',
    new Map(good).set('keys.txt', Buffer.alloc(good.get('keys.txt')!.length, 'x')),
    'file_mismatch',
    'keys.txt',
  ],
  [
    'a contract under another name',
    withManifest(
      new Map([...good].filter(([name]) => name !== contract)).set(
        contractFileName('0'.repeat(64)),
        good.get(contract)!,
      ),
    ),
    'bad_contract',
    contractFileName('0'.repeat(64)),
    1,
  ],
  ['a contract that is none', contractBundle('{"format":1}'), 'bad_contract', contractNameOf('{"format":1}'), 1],
  [
    'a contract with white space',
    contractBundle(` ${CONTRACT_JSON}`),
    'bad_contract',
    contractNameOf(` ${CONTRACT_JSON}`),
    1,
  ],
  ['a contract without tiers', contractBundle(withoutTiers()), 'bad_contract', contractNameOf(withoutTiers()), 1],
];

function contractBundle(json: string): Files {
  return withManifest(new Map(good).set(contractNameOf(json), Buffer.from(json)));
}

function contractNameOf(json: string): string {
  return contractFileName(execFileSync('sha256sum', { input: json, encoding: 'utf8' }).slice(0, 64));
}

function withoutTiers(): string {
  return canonicalJson({ ...CONTRACT, model: { ...CONTRACT.model, price: { ...CONTRACT.model.price, tiers: [] } } });
}

test('the bundle that they are made of is good', async () => {
  expect(await faultsOf(auditBundle(memorySource(good), auditor))).toEqual({ bad: [], findings: [] });
});

describe.each([
  ['records', RECORDS],
  ['the log of logs', TREE],
  ['files', FILES],
] as const)('%s', (_, cases) => {
  test.each(cases.map(([what, ...rest]) => ({ what, rest })))('$what', async ({ rest }) => {
    const [files, fault, file, line] = rest;
    const { bad, findings } = await faultsOf(auditBundle(memorySource(files), auditor));
    expect(bad).not.toEqual([]);
    const expected = { fault, file, ...(line === undefined ? {} : { line }) };
    expect(findings).toContainEqual(expect.objectContaining(expected));
  });
});

describe('on disk', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'aegrail-bundle-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  function written(name: string, files: Files): string {
    const root = join(folder, name);
    for (const [file, bytes] of files) {
      mkdirSync(dirname(join(root, file)), { recursive: true });
      writeFileSync(join(root, file), bytes);
    }
    return root;
  }

  const auditOf = (root: string) => faultsOf(auditBundle(folderSource(root), auditor));
  const without = (name: string): Files => new Map([...good].filter(([other]) => other !== name));

  test('the good bundle is good', async () => {
    expect(await auditOf(written('good', good))).toEqual({ bad: [], findings: [] });
  });

  test('an empty folder has no manifest', async () => {
    mkdirSync(join(folder, 'empty'));
    expect((await auditOf(join(folder, 'empty'))).findings).toMatchObject([{ fault: 'no_manifest' }]);
  });

  test('a link is not followed, wherever it leads', async () => {
    const outside = join(folder, 'outside.jsonl');
    writeFileSync(outside, good.get('records.jsonl')!);
    const root = written('linked', without('records.jsonl'));
    symlinkSync(outside, join(root, 'records.jsonl'));
    const { findings } = await auditOf(root);
    expect(findings).toContainEqual(expect.objectContaining({ fault: 'not_a_file', file: 'records.jsonl' }));
    expect(findings).toContainEqual(expect.objectContaining({ fault: 'no_records' }));
  });

  test('a linked manifest is not read either, and neither is a linked folder of contracts', async () => {
    const manifest = written('linked-manifest', without('manifest.json'));
    writeFileSync(join(folder, 'manifest.json'), good.get('manifest.json')!);
    symlinkSync(join(folder, 'manifest.json'), join(manifest, 'manifest.json'));
    expect((await auditOf(manifest)).findings).toMatchObject([{ fault: 'not_a_file', file: 'manifest.json' }]);
    const contracts = written('linked-contracts', without(contract));
    symlinkSync(join(folder, 'good', 'contracts'), join(contracts, 'contracts'));
    const { findings } = await auditOf(contracts);
    expect(findings).toContainEqual(expect.objectContaining({ fault: 'not_a_file', file: 'contracts' }));
    expect(findings).toContainEqual(expect.objectContaining({ fault: 'bad_contract', file: contract }));
  });

  test('a pipe holds nobody up', async () => {
    const root = written('piped', without('keys.txt'));
    execFileSync('mkfifo', [join(root, 'keys.txt')]);
    expect((await auditOf(root)).findings).toContainEqual(
      expect.objectContaining({ fault: 'not_a_file', file: 'keys.txt' }),
    );
  });

  test('files and folders that nobody named are told, and not read', async () => {
    const root = written(
      'more',
      new Map(good).set('more/x.txt', Buffer.from('x')).set('contracts/x.json', Buffer.from('x')),
    );
    const { findings } = await auditOf(root);
    expect(findings).toContainEqual(expect.objectContaining({ fault: 'not_a_file', file: 'more' }));
    expect(findings).toContainEqual(expect.objectContaining({ fault: 'extra_file', file: 'contracts/x.json' }));
  });

  test('a file of a terabyte that the manifest does not know is not read through', async () => {
    const root = written('huge', new Map(good));
    truncateSync(join(root, 'keys.txt'), 2 ** 40);
    truncateSync(join(root, 'manifest.json'), 2 ** 40);
    expect((await auditOf(root)).findings).toMatchObject([{ fault: 'bad_manifest' }]);
  });

  test('a log alone is judged in the same way', async () => {
    const path = join(folder, 'log.jsonl');
    writeFileSync(path, textOf([...a.slice(0, 2), ...a.slice(3)]));
    const audit = await auditFile(readChunks(path), null, auditor);
    expect(audit.verdicts.completeness).toMatchObject({ status: 'bad', findings: [{ fault: 'gap', line: 3 }] });
    expect(audit.verdicts.integrity.status).toBe('unchecked');
    expect(audit.verdicts.authenticity.status).toBe('unchecked');
  });
});
