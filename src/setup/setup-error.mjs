// @ts-check

/** Something that the user has to put right; the message says how. */
export class SetupError extends Error {}
