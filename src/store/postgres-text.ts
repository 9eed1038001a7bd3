/** PostgreSQL's texts hold every character but NUL: it is written `\0`, and a backslash twice. Most texts stay as they are. */
export function toText(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\u0000', '\\0');
}

/** The inverse of {@link toText}. */
export function fromText(text: string): string {
  return text.replace(/\\([\\0])/g, (_, escaped: string) => (escaped === '0' ? '\u0000' : '\\'));
}
