import { once } from 'node:events';
import { readdir, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freshDir, putIntoCache } from './cache.ts';
import type { Env } from './cache.ts';
import { lastLineOf, runCommand } from './command.ts';
import { reasonOf } from './errors.ts';
import type { RungContext, RungEnd } from './rung.ts';
import { megabytes } from './rung.ts';
import { sha256OfFile } from './sha256.ts';

type Hop = { readonly host: string; readonly port: number };

/** Where the SDK's Rust core asks for an archive: sdk-core, ephemeral_server/mod.rs. */
const sdkHop: Hop = { host: 'temporal.download', port: 443 };
const probeMs = 3_000;
const stallMs = 15_000;

/**
 * The SDK's own download, in a process of its own, because the SDK knows no timeout for it.
 * Only a binary with the pinned sum enters the cache; another one makes the ladder go on.
 */
export async function fromSdk(context: RungContext, target: string): Promise<RungEnd> {
  const { name, pin, platform, env, cacheDir, onProgress } = context;
  if (platform === undefined) return { why: 'no pinned sum for this machine' };
  const unreachable = await probe(env);
  if (unreachable !== undefined) return { why: unreachable };
  const dir = await freshDir(join(cacheDir, `tmp-sdk-${name}`));
  try {
    onProgress(`${name}: downloading version ${pin.version} through the Temporal SDK`);
    const end = await runCommand({
      file: process.execPath,
      args: [fileURLToPath(downloader()), name, `v${pin.version}`, dir],
      env,
      stallMs,
      watchDir: dir,
      onBytes: (bytes) => {
        onProgress(`${name}: ${megabytes(bytes)} unpacked`);
      },
    });
    if (end.code !== 0) return { why: end.why ?? lastLineOf(end.output) };
    const file = (await readdir(dir))[0];
    if (file === undefined) return { why: 'the SDK left no file' };
    const sum = await sha256OfFile(join(dir, file));
    const wanted = pin.sha256[platform];
    if (sum !== wanted) return { why: `the SDK's file has SHA-256 ${sum}, pinned is ${wanted}` };
    await putIntoCache(join(dir, file), target, sum);
    return { path: target };
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** Beside this file, as source or compiled. */
function downloader(): URL {
  const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
  return new URL(`./sdk-download.${extension}`, import.meta.url);
}

/** Why the SDK can't get anywhere, or undefined when the first hop (its host, or the proxy that is set) takes a connection. */
async function probe(env: Env): Promise<string | undefined> {
  const proxy = env['HTTPS_PROXY'] || env['https_proxy'] || env['ALL_PROXY'] || env['all_proxy'];
  const hop = proxy ? proxyHop(proxy) : sdkHop;
  try {
    await reach(hop);
    return undefined;
  } catch (error) {
    return `${proxy ? 'the proxy ' : ''}${hop.host} can't be reached (${reasonOf(error)})`;
  }
}

/** Host and port of a proxy variable, which may lack scheme and port. */
function proxyHop(proxy: string): Hop {
  const url = new URL(proxy.includes('://') ? proxy : `http://${proxy}`);
  const defaults: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443 };
  return { host: url.hostname.replace(/^\[|\]$/g, ''), port: Number(url.port) || (defaults[url.protocol] ?? 1080) };
}

async function reach(hop: Hop): Promise<void> {
  const socket = connect(hop);
  // A socket's own timeout does not cover the look-up of the name.
  const timer = setTimeout(() => {
    socket.destroy(new Error(`no answer within ${String(probeMs / 1000)} s`));
  }, probeMs);
  try {
    await once(socket, 'connect');
  } finally {
    clearTimeout(timer);
    socket.destroy();
  }
}
