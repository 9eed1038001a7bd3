import type { Envelope } from '../src/calls.ts';

/**
 * An envelope that the guard made. The private member is a brand that no other code can put on an object, so that the
 * outbound interceptor knows what the guard permitted without a list of permits anywhere. It opens once.
 */
export class GovernedCall<Call> {
  readonly #envelope: Envelope<Call>;
  #opened = false;

  constructor(envelope: Envelope<Call>) {
    this.#envelope = envelope;
  }

  /** The envelope of a value that the guard made and that was not scheduled before; null for anything else. */
  static open(value: unknown): Envelope<unknown> | null {
    if (typeof value !== 'object' || value === null || !(#opened in value)) return null;
    if (value.#opened) return null;
    value.#opened = true;
    return value.#envelope;
  }
}
