import type { Terminal } from './terminal.ts';

/** What a command is run with. */
export interface Invocation {
  readonly terminal: Terminal;
  /** Sets the exit code of a command that ends without an error. */
  readonly endWith: (exitCode: number) => void;
}
