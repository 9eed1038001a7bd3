import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Path of a file of workflows/, by its name: TypeScript in a checkout, JavaScript in the published package. */
export function workflowFile(name: string): string {
  return fileURLToPath(new URL(`../../workflows/${name}${extname(import.meta.url)}`, import.meta.url));
}

/**
 * The data converter of workers, replays and clients: a payload that can't be read is a value and not an error, so that
 * one malformed payload stops neither a session nor a list of sessions.
 */
export function dataConverter(): { readonly payloadConverterPath: string } {
  return { payloadConverterPath: workflowFile('payload-converter') };
}
