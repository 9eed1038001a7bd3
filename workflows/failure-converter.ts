import { DefaultFailureConverter } from '@temporalio/common';

/**
 * Temporal's own converter, with the messages and stack traces of failures in a payload, so that a codec encrypts them
 * too. Only for bundles and workers with a codec: without one, failures would be as readable, and harder to read.
 */
export const failureConverter = new DefaultFailureConverter({ encodeCommonAttributes: true });
