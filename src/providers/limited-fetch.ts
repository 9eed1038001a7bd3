/** Largest answer of a provider that is read. */
export const MAX_RESPONSE_BYTES = 4 * 1024 * 1024;

/** Thrown in the middle of an answer that is too large. */
export class ResponseTooLarge extends Error {
  constructor() {
    super(`the answer is larger than ${MAX_RESPONSE_BYTES} bytes`);
    this.name = 'ResponseTooLarge';
  }
}

/**
 * Fetch for model providers: no redirects, which would hand keys and prompts to another host, and no answer larger than
 * what a workflow can carry.
 */
export async function limitedFetch(input: string | URL | Request, init?: RequestInit): Promise<Response> {
  const response = await fetch(input, { ...init, redirect: 'manual' });
  if (!response.body) return response;
  const { status, statusText, headers } = response;
  return new Response(response.body.pipeThrough(limiter()), { status, statusText, headers });
}

function limiter(): TransformStream<Uint8Array, Uint8Array> {
  let bytes = 0;
  return new TransformStream({
    transform(chunk, controller) {
      bytes += chunk.byteLength;
      if (bytes > MAX_RESPONSE_BYTES) controller.error(new ResponseTooLarge());
      else controller.enqueue(chunk);
    },
  });
}
