/**
 * A text of at most `maxBytes` bytes of UTF-8. What is longer is cut between two characters and ends with the line
 * `… cut at N of M bytes`, which counts as part of the limit (so that cutting twice changes nothing) and is left out
 * when it would not fit itself.
 */
export function limitText(text: string, maxBytes: number): string {
  const bytes = Buffer.byteLength(text);
  if (bytes <= maxBytes) return text;
  const longestNote = Buffer.byteLength(cutNote(maxBytes, bytes));
  const noted = longestNote <= maxBytes;
  const kept = prefix(text, noted ? maxBytes - longestNote : maxBytes);
  return noted ? kept.text + cutNote(kept.bytes, bytes) : kept.text;
}

function cutNote(keptBytes: number, allBytes: number): string {
  return `\n… cut at ${keptBytes} of ${allBytes} bytes`;
}

/** `encodeInto` stops before the character that does not fit, and reads no more of the text than that. */
function prefix(text: string, maxBytes: number): { readonly text: string; readonly bytes: number } {
  const { read, written } = new TextEncoder().encodeInto(text, new Uint8Array(Math.max(0, maxBytes)));
  return { text: text.slice(0, read), bytes: written };
}
