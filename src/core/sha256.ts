/**
 * SHA-256 (FIPS 180-4) of a string's UTF-8 bytes, in lower-case hex. For the workflow's sandbox, where there is no
 * `crypto` and each access to a global goes through a proxy: one closure, and nothing global inside its loops. Elsewhere
 * use node:crypto. A lone surrogate is hashed as U+FFFD, as TextEncoder has it.
 */
export const sha256Hex: (text: string) => string = makeSha256Hex();

function makeSha256Hex(): (text: string) => string {
  const Bytes = Uint8Array;
  const Words = Int32Array;
  // The first 32 bits of the fractional parts of the cube roots of the first 64 primes: FIPS 180-4, section 4.2.2.
  const k = new Words([
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98,
    0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174, 0xe49b69c1, 0xefbe4786,
    0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8,
    0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967, 0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13,
    0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819,
    0xd6990624, 0xf40e3585, 0x106aa070, 0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a,
    0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7,
    0xc67178f2,
  ]);

  /** The text in UTF-8, padded to whole blocks: a one bit, zeros, and the length in bits. */
  function padded(text: string): Uint8Array {
    // A UTF-16 code unit is never more than three bytes.
    const bytes = new Bytes(((text.length * 3 + 72) >>> 6) * 64);
    let size = 0;
    for (let at = 0; at < text.length; at++) {
      let point = text.charCodeAt(at);
      if (point < 0x80) {
        bytes[size++] = point;
        continue;
      }
      if (point < 0x800) {
        bytes[size++] = 0xc0 | (point >> 6);
      } else {
        const low = (point & 0xfc00) === 0xd800 ? text.charCodeAt(at + 1) : 0;
        if ((low & 0xfc00) === 0xdc00) {
          at += 1;
          point = 0x10000 + ((point & 0x3ff) << 10) + (low & 0x3ff);
          bytes[size++] = 0xf0 | (point >> 18);
          bytes[size++] = 0x80 | ((point >> 12) & 0x3f);
        } else {
          if ((point & 0xf800) === 0xd800) point = 0xfffd;
          bytes[size++] = 0xe0 | (point >> 12);
        }
        bytes[size++] = 0x80 | ((point >> 6) & 0x3f);
      }
      bytes[size++] = 0x80 | (point & 0x3f);
    }
    bytes[size] = 0x80;
    const end = ((size + 72) >>> 6) * 64;
    // Eight bytes of length, big-endian. Sizes are far below 2^53, so the division is exact.
    let high = (size / 0x20000000) | 0;
    let low = size << 3;
    for (let at = end - 1; at >= end - 4; at--) {
      bytes[at] = low;
      bytes[at - 4] = high;
      low >>>= 8;
      high >>>= 8;
    }
    return bytes.subarray(0, end);
  }

  function compress(state: Int32Array, w: Int32Array, bytes: Uint8Array, from: number): void {
    for (let i = 0, at = from; i < 16; i++, at += 4) {
      w[i] = (bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!;
    }
    for (let i = 16; i < 64; i++) {
      const x = w[i - 15]!;
      const y = w[i - 2]!;
      const s0 = ((x >>> 7) | (x << 25)) ^ ((x >>> 18) | (x << 14)) ^ (x >>> 3);
      const s1 = ((y >>> 17) | (y << 15)) ^ ((y >>> 19) | (y << 13)) ^ (y >>> 10);
      w[i] = (w[i - 16]! + s0 + w[i - 7]! + s1) | 0;
    }
    let a = state[0]!;
    let b = state[1]!;
    let c = state[2]!;
    let d = state[3]!;
    let e = state[4]!;
    let f = state[5]!;
    let g = state[6]!;
    let h = state[7]!;
    for (let i = 0; i < 64; i++) {
      const s1 = ((e >>> 6) | (e << 26)) ^ ((e >>> 11) | (e << 21)) ^ ((e >>> 25) | (e << 7));
      const t1 = (h + s1 + ((e & f) ^ (~e & g)) + k[i]! + w[i]!) | 0;
      const s0 = ((a >>> 2) | (a << 30)) ^ ((a >>> 13) | (a << 19)) ^ ((a >>> 22) | (a << 10));
      const t2 = (s0 + ((a & b) ^ (a & c) ^ (b & c))) | 0;
      h = g;
      g = f;
      f = e;
      e = (d + t1) | 0;
      d = c;
      c = b;
      b = a;
      a = (t1 + t2) | 0;
    }
    state[0] = (state[0]! + a) | 0;
    state[1] = (state[1]! + b) | 0;
    state[2] = (state[2]! + c) | 0;
    state[3] = (state[3]! + d) | 0;
    state[4] = (state[4]! + e) | 0;
    state[5] = (state[5]! + f) | 0;
    state[6] = (state[6]! + g) | 0;
    state[7] = (state[7]! + h) | 0;
  }

  return (text) => {
    const bytes = padded(text);
    const w = new Words(64);
    // The first 32 bits of the fractional parts of the square roots of the first 8 primes: section 5.3.3.
    const state = new Words([
      0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
    ]);
    for (let from = 0; from < bytes.length; from += 64) compress(state, w, bytes, from);
    let hex = '';
    for (let i = 0; i < 8; i++) hex += (state[i]! >>> 0).toString(16).padStart(8, '0');
    return hex;
  };
}
