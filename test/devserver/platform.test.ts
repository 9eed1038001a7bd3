import { describe, expect, test } from 'vitest';
import { cacheDirOf } from '../../src/devserver/cache.ts';
import { pins, platformWithSum } from '../../src/devserver/pins.ts';
import { platformOf } from '../../src/devserver/platform.ts';

describe('platformOf', () => {
  test.each([
    ['linux', 'x64', 'linux-amd64'],
    ['linux', 'arm64', 'linux-arm64'],
    ['darwin', 'x64', 'darwin-amd64'],
    ['darwin', 'arm64', 'darwin-arm64'],
    ['linux', 'arm', undefined],
    ['linux', 'riscv64', undefined],
    ['win32', 'x64', undefined],
    ['freebsd', 'x64', undefined],
  ])('%s %s is %s', (os, arch, expected) => {
    expect(platformOf(os, arch)).toBe(expected);
  });
});

describe('cacheDirOf', () => {
  test.each([
    ['linux', {}, '/home/u/.cache/aegrail'],
    ['linux', { XDG_CACHE_HOME: '/x' }, '/x/aegrail'],
    ['linux', { XDG_CACHE_HOME: 'relative' }, '/home/u/.cache/aegrail'],
    ['linux', { XDG_CACHE_HOME: '' }, '/home/u/.cache/aegrail'],
    ['darwin', {}, '/home/u/Library/Caches/aegrail'],
    ['darwin', { XDG_CACHE_HOME: '/x' }, '/home/u/Library/Caches/aegrail'],
    ['linux', { AEGRAIL_CACHE_DIR: '/mine', XDG_CACHE_HOME: '/x' }, '/mine'],
  ])('on %s with %j it is %s', (os, env, expected) => {
    expect(cacheDirOf(env, os, '/home/u')).toBe(expected);
  });
});

describe('pins', () => {
  test('every binary has a sum of its own for every platform', () => {
    const sums = Object.values(pins).flatMap((pin) => Object.values(pin.sha256));
    expect(sums).toHaveLength(8);
    expect(new Set(sums).size).toBe(8);
    for (const sum of sums) expect(sum).toMatch(/^[0-9a-f]{64}$/);
  });

  test('a sum tells the platform', () => {
    expect(platformWithSum('temporal', pins.temporal.sha256['darwin-arm64'])).toBe('darwin-arm64');
    expect(platformWithSum('temporal', pins['temporal-test-server'].sha256['darwin-arm64'])).toBeUndefined();
  });
});
