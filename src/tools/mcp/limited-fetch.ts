import type { FetchLike } from '@modelcontextprotocol/client';

/** An answer that is larger than the worker takes into memory. */
export class MessageTooLarge extends Error {
  constructor(maxBytes: number) {
    super(`the server sent a message of more than ${maxBytes} bytes`);
    this.name = 'MessageTooLarge';
  }
}

/**
 * A fetch that breaks off a body with a message over `maxBytes`. In a stream of events a message is a line (it is JSON), and
 * the stream itself may be endless; any other body is one message.
 */
export function limitedFetch(maxBytes: number): FetchLike {
  return async (url, init) => {
    const response = await fetch(url, init);
    if (response.body === null) return response;
    const perLine = response.headers.get('content-type')?.startsWith('text/event-stream') === true;
    const body = response.body.pipeThrough(limiter(maxBytes, perLine));
    return new Response(body, { status: response.status, statusText: response.statusText, headers: response.headers });
  };
}

function limiter(maxBytes: number, perLine: boolean): TransformStream<Uint8Array, Uint8Array> {
  let bytes = 0;
  return new TransformStream({
    transform(chunk, controller) {
      const lineEnd = perLine ? chunk.lastIndexOf(10) : -1;
      bytes = lineEnd === -1 ? bytes + chunk.length : chunk.length - lineEnd - 1;
      if (bytes > maxBytes) controller.error(new MessageTooLarge(maxBytes));
      else controller.enqueue(chunk);
    },
  });
}
