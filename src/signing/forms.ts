/** SHA-256 in lower-case hex. */
export const HEX64 = /^[0-9a-f]{64}$/;
