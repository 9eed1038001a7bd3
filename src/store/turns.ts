/** Runs work for a key after all work that was given for the same key before. Keys don't wait for each other. */
export type InTurn = <T>(key: string, work: () => Promise<T>) => Promise<T>;

/** Makes an {@link InTurn}. It forgets a key when its last work is done. */
export function createTurns(): InTurn {
  const tails = new Map<string, Promise<unknown>>();
  return async (key, work) => {
    // How the one before ended is for who gave it.
    const turn = (tails.get(key) ?? Promise.resolve()).then(work, work);
    tails.set(key, turn);
    try {
      return await turn;
    } finally {
      if (tails.get(key) === turn) tails.delete(key);
    }
  };
}
