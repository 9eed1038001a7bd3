import type { McpConnection } from './connection.ts';

/** The use of a connection by one call. */
export interface Lease {
  readonly connection: McpConnection;
  /** Lets the next caller have a new connection; this one is closed when its last user is done. */
  readonly discard: () => void;
  readonly release: () => void;
}

/** The place of a server's one connection. */
export interface Slot {
  /** The connection that there is, or a new one. Rejects with what the connect failed with, for all who wait for it. */
  readonly lease: () => Promise<Lease>;
  readonly close: () => Promise<void>;
}

interface Entry {
  readonly promise: Promise<McpConnection>;
  connection: McpConnection | null;
  users: number;
  discarded: boolean;
}

/** A slot that connects when it is first asked, and again when the connection ended or was discarded. */
export function createSlot(connect: () => Promise<McpConnection>): Slot {
  let current: Entry | null = null;
  let closed = false;

  const discard = (entry: Entry): void => {
    if (current === entry) current = null;
    entry.discarded = true;
    if (entry.users === 0) void entry.connection?.close();
  };

  const usable = (): Entry => {
    if (current?.connection?.isUsable() === false) discard(current);
    current ??= { promise: connect(), connection: null, users: 0, discarded: false };
    return current;
  };

  const lease = async (): Promise<Lease> => {
    if (closed) throw new Error('the worker is closing its connections');
    const entry = usable();
    entry.users += 1;
    let open = true;
    const release = (): void => {
      if (!open) return;
      open = false;
      entry.users -= 1;
      if (entry.discarded && entry.users === 0) void entry.connection?.close();
    };
    try {
      entry.connection = await entry.promise;
    } catch (error) {
      if (current === entry) current = null;
      release();
      throw error;
    }
    return { connection: entry.connection, discard: () => discard(entry), release };
  };

  const close = async (): Promise<void> => {
    closed = true;
    const entry = current;
    current = null;
    const connection = await entry?.promise.catch(() => null);
    await connection?.close();
  };

  return { lease, close };
}
