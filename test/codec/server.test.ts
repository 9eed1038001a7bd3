import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { encryptionCodec } from '../../src/codec/codec.ts';
import { type KeySource, parsePayloadKeys } from '../../src/codec/keys.ts';
import { type CodecServer, startCodecServer } from '../../src/codec/server.ts';

const TOKEN = 'token-of-the-test-0123456789';
const PAGE = 'http://localhost:8233';
const codec = encryptionCodec(parsePayloadKeys(`k1:${Buffer.alloc(32, 1).toString('base64')}`, 'test'));
const BODY = JSON.stringify({ payloads: [{ metadata: { encoding: base64('json/plain') }, data: base64('"secret"') }] });

let server: CodecServer;
const problems: string[] = [];
beforeAll(async () => {
  server = await start({});
});
afterAll(() => server.close());

function start(options: Partial<Parameters<typeof startCodecServer>[0]>): Promise<CodecServer> {
  const onProblem = (message: string): void => void problems.push(message);
  return startCodecServer({
    codec,
    host: '127.0.0.1',
    port: 0,
    token: TOKEN,
    origins: [PAGE],
    maxBodyBytes: 4_096,
    onProblem,
    ...options,
  });
}

const bearer = { authorization: `Bearer ${TOKEN}`, 'content-type': 'application/json' };

function post(path: string, body: string, headers: Record<string, string> = bearer): Promise<Response> {
  return fetch(`${server.url}${path}`, { method: 'POST', headers, body });
}

test('what is encoded decodes, as the Web UI and the CLI ask for it', async () => {
  const encoded = await post('/encode', BODY);
  expect(encoded.status).toBe(200);
  const sealed = await encoded.text();
  expect(Buffer.from(sealed).toString()).not.toContain(base64('"secret"'));
  const decoded = await post('/decode?preserveStorageRefs=true', sealed, { ...bearer, 'X-Namespace': 'default' });
  expect(decoded.headers.get('cache-control')).toBe('no-store');
  expect(await decoded.json()).toEqual(JSON.parse(BODY));
});

test('an empty list is answered with an empty list', async () => {
  expect(await (await post('/decode', '{"payloads":[]}')).json()).toEqual({ payloads: [] });
});

describe('the token', () => {
  test.each([
    ['none', {}],
    ['another', { authorization: 'Bearer token-of-the-test-0123456788' }],
    ['a shorter one', { authorization: 'Bearer token' }],
    ['an empty one', { authorization: 'Bearer ' }],
    ['no bearer', { authorization: `Basic ${TOKEN}` }],
    ['the bare token', { authorization: TOKEN }],
  ])('%s is 401, in JSON', async (_name, headers) => {
    const response = await post('/decode', BODY, headers);
    expect(response.status).toBe(401);
    expect(response.headers.get('www-authenticate')).toBe('Bearer');
    expect(await response.json()).toMatchObject({ error: { status: 401 } });
  });

  test('may be in the path, where the Web UI sends no header', async () => {
    expect((await post(`/${TOKEN}/decode`, BODY, {})).status).toBe(200);
    expect((await post('/token-of-the-test-0123456788/decode', BODY, {})).status).toBe(401);
    // The path decides: a right header does not make up for it.
    expect((await post('/token-of-the-test-0123456788/decode', BODY)).status).toBe(401);
  });
});

describe('CORS', () => {
  const preflight = (origin: string, more: Record<string, string> = {}): Promise<Response> =>
    fetch(`${server.url}/decode`, {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'POST', ...more },
    });

  test('a page of the list may ask, without a token, and is told its headers', async () => {
    const response = await preflight(PAGE, { 'access-control-request-private-network': 'true' });
    expect(response.status).toBe(204);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'access-control-allow-origin': PAGE,
      'access-control-allow-methods': 'POST',
      'access-control-allow-private-network': 'true',
      vary: 'Origin',
    });
    const allowed = response.headers.get('access-control-allow-headers')?.split(', ') ?? [];
    expect(allowed).toEqual(expect.arrayContaining(['authorization', 'content-type', 'x-namespace']));
  });

  test('its answers may be read by it, errors too', async () => {
    const good = await post('/decode', BODY, { ...bearer, origin: PAGE });
    const bad = await post('/decode', BODY, { origin: PAGE });
    expect([good.status, bad.status]).toEqual([200, 401]);
    for (const { headers } of [good, bad]) expect(headers.get('access-control-allow-origin')).toBe(PAGE);
  });

  test.each(['http://localhost:8234', 'http://localhost:8233.evil.example', 'https://localhost:8233', 'null'])(
    '%s may not, even with the token',
    async (origin) => {
      for (const response of [await preflight(origin), await post('/decode', BODY, { ...bearer, origin })]) {
        expect(response.status).toBe(403);
        expect(response.headers.get('access-control-allow-origin')).toBeNull();
      }
    },
  );
});

describe('what is no request of the protocol', () => {
  test.each([
    ['/', 404],
    ['/decode/more', 404],
    ['/encode/', 404],
    ['/x/y/decode', 404],
  ])('POST %s is %i', async (path, status) => {
    const response = await post(path, BODY);
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ error: { status } });
  });

  test('GET is 405, and says what it takes', async () => {
    const response = await fetch(`${server.url}/decode`, { headers: bearer });
    expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST, OPTIONS']);
  });

  test.each([
    ['no JSON', '{', 'no JSON'],
    ['a list', '[]', 'no list "payloads"'],
    ['null', 'null', 'no list "payloads"'],
    ['a payload that is none', '{"payloads":[1]}', 'payloads[0] is no object'],
    ['metadata that is none', '{"payloads":[{"metadata":[]}]}', 'payloads[0].metadata is no object'],
    [
      'metadata that is no base64',
      '{"payloads":[{"metadata":{"encoding":"%"}}]}',
      'payloads[0].metadata.encoding is no',
    ],
    ['data that is no text', '{"payloads":[{"data":1}]}', 'payloads[0].data is no base64'],
  ])('%s is 400, and says where', async (_name, body, says) => {
    const response = await post('/decode', body);
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({
      error: { message: expect.stringContaining(says) as string },
    });
  });

  test('a payload under a key that is not at hand is 400, and says which', async () => {
    const metadata = {
      encoding: base64('binary/encrypted'),
      'encryption-cipher': base64('AES-256-GCM'),
      'encryption-key-id': base64('lost'),
    };
    const response = await post('/decode', JSON.stringify({ payloads: [{ metadata, data: '' }] }));
    expect(response.status).toBe(400);
    expect(await response.text()).toContain('the payload key lost, which is not at hand');
  });

  test('a body above the limit is 413, announced or not', async () => {
    const large = JSON.stringify({ payloads: [{ data: 'A'.repeat(8_192) }] });
    expect((await post('/decode', large)).status).toBe(413);
    expect(await chunked(large)).toBe(413);
  });
});

/** Sends a body without saying how long it is. @returns the status */
function chunked(body: string): Promise<number | undefined> {
  return new Promise((done, fail) => {
    const sending = request(`${server.url}/decode`, { method: 'POST', headers: bearer }, (response) => {
      response.resume();
      done(response.statusCode);
    });
    // What is not read any more when the answer is there.
    sending.on('error', (error: NodeJS.ErrnoException) => (error.code === 'EPIPE' ? undefined : fail(error)));
    for (const part of body.match(/.{1,1000}/g) ?? []) sending.write(part);
    sending.end();
  });
}

test('a key source that fails is 500 without its words, which are told on the other side', async () => {
  const failing: KeySource = {
    current: () => Promise.reject(new Error('kms.internal does not answer')),
    byId: () => Promise.resolve(null),
  };
  const broken = await start({ codec: encryptionCodec(failing) });
  try {
    const response = await fetch(`${broken.url}/encode`, { method: 'POST', headers: bearer, body: BODY });
    expect(response.status).toBe(500);
    expect(await response.text()).not.toContain('kms.internal');
    expect(problems).toEqual(['kms.internal does not answer']);
  } finally {
    await broken.close();
  }
});

test.each([
  [{ token: 'short' }, '16 to 256 letters'],
  [{ token: 'has/slashes/in/its/middle' }, '16 to 256 letters'],
  [{ origins: ['localhost:8233'] }, 'is no origin of a page'],
  [{ origins: ['http://localhost:8233/'] }, 'such as http://localhost:8233.'],
  [{ origins: ['*'] }, 'is no origin of a page'],
])('%j is refused before it listens', async (options, says) => {
  await expect(start(options)).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: expect.stringContaining(says) as string,
  });
});

test('a port that is taken is a sentence', async () => {
  const port = Number(new URL(server.url).port);
  await expect(start({ port })).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: expect.stringContaining('EADDRINUSE') as string,
  });
});

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
