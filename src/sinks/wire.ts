/** What an answer says was not taken of a request that was. */
export interface Refused {
  /** How many lines; none when the receiver only has something to say. */
  readonly lines: number;
  readonly why: string;
}

/** How lines become the body of a request, and what the answers to it mean. */
export interface Wire {
  /** Lines of JSON as one body. The same lines give the same bytes. */
  bodyOf(lines: readonly string[]): string;
  /** Whether the same request may do better later, after a status that is not 2xx. */
  isTransient(status: number): boolean;
  /** Reads an answer of 2xx: what it did not take, or null. Where this is absent the answer's body is not read. */
  refusedIn?(answer: string): Refused | null;
}
