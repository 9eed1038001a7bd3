import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { DataConverter, PayloadCodec } from '@temporalio/common';

/** Path of a file of workflows/, by its name: TypeScript in a checkout, JavaScript in the published package. */
export function workflowFile(name: string): string {
  return fileURLToPath(new URL(`../../workflows/${name}${extname(import.meta.url)}`, import.meta.url));
}

/** Paths of the converters that a worker loads, and that go into its workflow bundle. */
export interface ConverterPaths {
  readonly payloadConverterPath: string;
  readonly failureConverterPath?: string;
}

/**
 * The converters, which workers, replays and clients have in common: a payload that can't be read is a value and not an
 * error, so that one malformed payload stops neither a session nor a list of sessions.
 *
 * @param encrypted whether messages and stack traces of failures go into a payload, for a codec to encrypt
 */
export function converterPaths(encrypted: boolean): ConverterPaths {
  return {
    payloadConverterPath: workflowFile('payload-converter'),
    ...(encrypted ? { failureConverterPath: workflowFile('failure-converter') } : {}),
  };
}

/**
 * The data converter of workers, replays and clients: for `new Client({ connection, dataConverter: dataConverter(codec) })`.
 *
 * @param codec what encrypts, for example encryptionCodec's; the same wherever one session is touched
 */
export function dataConverter(codec?: PayloadCodec): DataConverter {
  return codec ? { ...converterPaths(true), payloadCodecs: [codec] } : { ...converterPaths(false) };
}
