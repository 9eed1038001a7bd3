import { open } from 'node:fs/promises';
import { AegrailError, messageOf } from '../core/errors.ts';
import { type KeySource, parsePayloadKeyLines } from './keys.ts';

/** Bits of a file's mode that let its group and everybody else in. */
const OTHERS = 0o077;
/** Far more than any number of keys in use: a file that is larger is another file. */
const MAX_BYTES = 1_048_576;

/**
 * Reads a file of payload keys, one a line, the newest first. Nobody but its owner may have any right to it. Where the
 * system knows no such rights (Windows), that is not checked.
 *
 * @param name as the user gave it, for messages
 * @throws AegrailError CONFIG_INVALID, which shows no key
 */
export async function readKeyFile(path: string, name = path): Promise<KeySource> {
  const text = await readOwn(path, name);
  return parsePayloadKeyLines(text, name);
}

async function readOwn(path: string, name: string): Promise<string> {
  try {
    // The rights are those of the file that is read, not of one that is put in its place between two looks.
    await using file = await open(path, 'r');
    const { mode, size } = await file.stat();
    if (process.platform !== 'win32' && (mode & OTHERS) !== 0)
      throw new AegrailError('CONFIG_INVALID', tooOpen(name, mode));
    if (size > MAX_BYTES) throw new AegrailError('CONFIG_INVALID', `${name}: is too large for a file of payload keys.`);
    return await file.readFile('utf8');
  } catch (thrown) {
    if (thrown instanceof AegrailError) throw thrown;
    throw new AegrailError('CONFIG_INVALID', `The file of payload keys can not be read: ${messageOf(thrown)}`, {
      cause: thrown,
    });
  }
}

function tooOpen(name: string, mode: number): string {
  const has = (mode & 0o777).toString(8).padStart(4, '0');
  return `${name}: others than its owner have rights to it (mode ${has}), and it holds keys. Set it to 0600: chmod 600 ${name}`;
}
