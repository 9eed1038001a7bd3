/** How often the same trouble is told at most, in milliseconds. */
const TELL_EVERY_MS = 60_000;

/**
 * Lets what goes wrong again and again be told once a minute.
 *
 * @returns whether a trouble of this name is to be told now
 */
export function createOnceAMinute(now: () => number): (name: string) => boolean {
  const toldAt = new Map<string, number>();
  return (name) => {
    const last = toldAt.get(name);
    const at = now();
    // A clock that was set back must not silence it for longer.
    if (last !== undefined && at >= last && at - last < TELL_EVERY_MS) return false;
    toldAt.set(name, at);
    return true;
  };
}
