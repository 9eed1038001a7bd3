import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { type Checkpoint, checkpointHash, formatCheckpoint, parseCheckpoint } from '../../src/signing/checkpoint.ts';
import { parseTreeHead } from '../../src/signing/tree-head.ts';

const CHECKPOINT: Checkpoint = {
  origin: 'example.com/aegrail',
  size: 20_852_163,
  root: '0ac5186a91863e8e1d90c808014aa89bf5da8e3ef687d9c1d8f0f7a4f68db1a2',
  number: 7,
  time: '2026-01-31T12:00:00.000Z',
  cadenceSeconds: 60,
  previous: 'ab'.repeat(32),
};
const TEXT = `example.com/aegrail
20852163
CsUYapGGPo4dkMgIAUqom/Xajj72h9nB2PD3pPaNsaI=
number 7
time 2026-01-31T12:00:00.000Z
cadence 60
previous ${'ab'.repeat(32)}
`;

test('is written line by line, and read again', () => {
  expect(formatCheckpoint(CHECKPOINT)).toBe(TEXT);
  expect(parseCheckpoint(TEXT)).toEqual(CHECKPOINT);
});

test('its hash is that of its text, with the final LF', () => {
  expect(checkpointHash(TEXT)).toBe(createHash('sha256').update(TEXT).digest('hex'));
});

test('the first one has no previous', () => {
  const first = { ...CHECKPOINT, number: 0, previous: '0'.repeat(64) };
  expect(parseCheckpoint(formatCheckpoint(first))).toEqual(first);
});

describe('a text that is none', () => {
  test.each([
    ['no final LF', TEXT.slice(0, -1), 'LF'],
    ['no origin', TEXT.replace('example.com/aegrail', ''), 'origin'],
    ['a space in the origin', TEXT.replace('example.com', 'example com'), 'origin'],
    ['a plus in the origin', TEXT.replace('example.com', 'example+com'), 'origin'],
    ['a leading zero', TEXT.replace('20852163', '020852163'), 'size'],
    ['a negative size', TEXT.replace('20852163', '-1'), 'size'],
    ['a fraction', TEXT.replace('20852163', '1.5'), 'size'],
    ['a size of 2^53', TEXT.replace('20852163', '9007199254740992'), 'size'],
    ['a huge size', TEXT.replace('20852163', '9'.repeat(400)), 'size'],
    ['Arabic digits', TEXT.replace('20852163', '٣'), 'size'],
    ['a short root', TEXT.replace('CsUYapGGPo4dkMgI', ''), 'root'],
    ['a root with spare bits', TEXT.replace('saI=', 'saJ='), 'root'],
    ['number with a leading zero', TEXT.replace('number 7', 'number 07'), 'number'],
    ['a wrong word', TEXT.replace('number', 'Number'), 'number'],
    ['two spaces', TEXT.replace('number 7', 'number  7'), 'number'],
    ['time without milliseconds', TEXT.replace('.000Z', 'Z'), 'time'],
    ['time of another zone', TEXT.replace('.000Z', '.000+01:00'), 'time'],
    ['no such day', TEXT.replace('01-31', '02-31'), 'time'],
    ['cadence 0', TEXT.replace('cadence 60', 'cadence 0'), 'cadence'],
    ['upper-case hex', TEXT.replace('ab', 'AB'), 'previous'],
    ['lines in another order', TEXT.replace(/(number 7\n)(time .*\n)/, '$2$1'), 'number'],
    ['a missing line', TEXT.replace('cadence 60\n', ''), 'four lines'],
    ['a further line', `${TEXT}more\n`, 'four lines'],
    ['an empty line', `${TEXT}\n`, 'empty line'],
    ['number 0 with a previous', TEXT.replace('number 7', 'number 0'), 'previous'],
    [
      'no previous though not the first',
      TEXT.replace(/ab{1}/g, '00').replace(/previous .*/, `previous ${'0'.repeat(64)}`),
      'previous',
    ],
  ])('%s', (_what, text, says) => {
    expect(() => parseCheckpoint(text)).toThrow(expect.objectContaining({ code: 'LOG_INVALID' }));
    expect(() => parseCheckpoint(text)).toThrow(says);
  });
});

test("another log's checkpoint is a tree head with or without further lines", () => {
  const plain = 'example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n';
  expect(parseTreeHead(plain)).toMatchObject({
    origin: 'example.com/behind-the-sofa',
    size: 20_852_163,
    extensions: [],
  });
  expect(parseTreeHead(`${plain}opaque\n`).extensions).toEqual(['opaque']);
});
