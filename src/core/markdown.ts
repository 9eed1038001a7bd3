/**
 * Text that stays text in the Temporal UI's Markdown: a user's name must not become a link, an image or a row of a table.
 * Addresses of pages become links by themselves there, so what makes one (`://`, `www.`) is escaped too. An e-mail address
 * stays as it is: the UI would show the backslash, and most users are one.
 */
export function plainMarkdown(text: string): string {
  return text
    .replace(/[\p{Cc}\p{Zl}\p{Zp}]/gu, ' ')
    .replace(/[\\`*_{}[\]()<>#+!|~&:$]/g, (character) => `\\${character}`)
    .replace(/www\./gi, (found) => `${found.slice(0, 3)}\\.`);
}
