import { readFile, writeFile } from 'node:fs/promises';
import { AegrailError, messageOf } from '../core/errors.ts';

/** Longest file that is read as a signed text. */
const MAX_BYTES = 65_536;

/** Reads a signed text. @throws AegrailError INPUT_INVALID */
export async function readNoteFile(path: string, shown: string): Promise<string> {
  const bytes = await readFile(path).catch((thrown: unknown) => {
    throw new AegrailError('INPUT_INVALID', `${shown} can not be read: ${messageOf(thrown)}`, { cause: thrown });
  });
  if (bytes.length > MAX_BYTES) throw new AegrailError('INPUT_INVALID', `${shown} is no signed text: it is too long`);
  return bytes.toString('utf8');
}

/** Writes a text to a file. @throws AegrailError CONFIG_INVALID */
export async function writeTextTo(path: string, text: string): Promise<void> {
  await writeFile(path, text).catch((thrown: unknown) => {
    throw new AegrailError('CONFIG_INVALID', `${path} can not be written: ${messageOf(thrown)}`, { cause: thrown });
  });
}
