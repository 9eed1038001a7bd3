import { existsSync } from 'node:fs';
import { resolve } from 'node:path';

/** What these rules read of a service; the schema of the Compose Specification knows the rest. */
export interface ComposeService {
  image?: string;
  build?: string | { context: string };
  user?: string;
  read_only?: boolean;
  cap_drop?: string[];
  depends_on?: Record<string, { condition: string }>;
  healthcheck?: { test: string[] };
  restart?: string;
  ports?: string[];
  volumes?: string[];
  networks?: string[];
  environment?: Record<string, string | null>;
  stop_grace_period?: string;
  deploy?: { resources?: { limits?: { memory?: string; cpus?: string } } };
}

/** A Compose file as this project writes it: long `depends_on`, short ports and volumes. */
export interface ComposeFile {
  services: Record<string, ComposeService>;
  networks?: Record<string, unknown>;
  volumes?: Record<string, unknown>;
}

/** Puts the default of `${NAME:-default}` in its place, as Compose does when NAME is not set. */
export function withDefaults(text: string): string {
  return text.replace(/\$\{\w+:-([^}]*)\}/g, '$1');
}

function imageProblem(image: string): string | null {
  const tag = /:([^:/@]+)(?:@sha256:[0-9a-f]{64})?$/.exec(withDefaults(image))?.[1];
  if (tag === undefined) return `image ${image} has no tag`;
  // Two numbers at least: `16` and `latest` are another image next month.
  return /^v?\d+\.\d+/.test(tag) ? null : `image ${image} is not pinned to a version`;
}

function dependencyProblems(file: ComposeFile, service: ComposeService): string[] {
  return Object.entries(service.depends_on ?? {}).flatMap(([name, { condition }]) => {
    const target = file.services[name];
    if (target === undefined) return [`depends on ${name}, which is no service`];
    if (condition === 'service_healthy' && target.healthcheck === undefined)
      return [`waits for ${name} to be healthy, which has no healthcheck`];
    // Compose would wait for ever for a service that is always started again.
    if (condition === 'service_completed_successfully' && target.restart !== 'no')
      return [`waits for ${name} to complete, which is restarted (${target.restart ?? 'unset'})`];
    return [];
  });
}

function volumeProblems(file: ComposeFile, service: ComposeService, root: string): string[] {
  return (service.volumes ?? []).flatMap((volume) => {
    const [source = '', , mode] = volume.split(':');
    if (!source.startsWith('.')) return source in (file.volumes ?? {}) ? [] : [`volume ${source} is not declared`];
    if (!existsSync(resolve(root, source))) return [`mounts ${source}, which does not exist`];
    return mode === 'ro' ? [] : [`mounts ${source} of the checkout writable`];
  });
}

function serviceProblems(file: ComposeFile, service: ComposeService, root: string): string[] {
  const image = service.image === undefined ? null : imageProblem(service.image);
  return [
    ...(image === null ? [] : [image]),
    ...(service.image === undefined && service.build === undefined ? ['has neither image nor build'] : []),
    ...(service.image !== undefined && service.build !== undefined
      ? [`is built here, but ${service.image} would be looked for in a registry first`]
      : []),
    ...dependencyProblems(file, service),
    ...volumeProblems(file, service, root),
    ...(service.ports ?? [])
      .filter((port) => !withDefaults(port).startsWith('127.0.0.1:'))
      .map((port) => `port ${port} is not bound to loopback`),
    ...(service.networks ?? [])
      .filter((network) => !(network in (file.networks ?? {})))
      .map((network) => `network ${network} is not declared`),
    ...(service.deploy?.resources?.limits?.memory === undefined ? ['has no memory limit'] : []),
  ];
}

/**
 * What is wrong with a Compose file beyond its schema: `service: problem`, one a line, none when all is well.
 * Relative paths of mounts are looked up under `root`.
 */
export function composeProblems(file: ComposeFile, root: string): string[] {
  return Object.entries(file.services).flatMap(([name, service]) =>
    serviceProblems(file, service, root).map((problem) => `${name}: ${problem}`),
  );
}
