/** How many rows are read at a time: constant memory, whatever there is to read. */
export const PAGE_ROWS = 100;

/** A page of lines ends with the line that makes it longer than this, in characters or bytes: one may have 16 MiB. */
export const PAGE_LENGTH = 4 * 1024 * 1024;

/**
 * Reads page after page, up to the first that is empty, and yields what is in them.
 *
 * @param read the rows after a row; after none, the first ones
 */
export async function* inPages<Row, T>(
  read: (after: Row | undefined) => Promise<readonly Row[]>,
  valueOf: (row: Row) => T,
): AsyncGenerator<T, void, undefined> {
  let after: Row | undefined;
  do {
    const page = await read(after);
    for (const row of page) yield valueOf(row);
    after = page.at(-1);
  } while (after !== undefined);
}
