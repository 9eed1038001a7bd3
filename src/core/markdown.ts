/**
 * Text that stays text in the Temporal UI's Markdown: a user's name must not become a link, an image or a row of a table.
 * Addresses become links by themselves there, so what makes one (`://`, `www.`, `@`) is escaped too.
 */
export function plainMarkdown(text: string): string {
  return text
    .replace(/[\p{Cc}\p{Zl}\p{Zp}]/gu, ' ')
    .replace(/[\\`*_{}[\]()<>#+!|~&:@$]/g, (character) => `\\${character}`)
    .replace(/www\./gi, (found) => `${found.slice(0, 3)}\\.`);
}
