import { CommanderError } from 'commander';
import { AegrailError, messageOf } from '../core/errors.ts';
import { DevServerError } from '../devserver/errors.ts';
import { EXIT, exitCodeOf } from './exit-codes.ts';

/** What went wrong, for people and programs. */
export interface Problem {
  readonly code: string;
  readonly message: string;
  readonly exitCode: number;
}

/** gRPC's codes for a server that is gone, slow, or does not let us in. */
const GRPC_UNREACHABLE = new Set([4, 7, 14, 16]);

/** What the server says of a query that no worker took. */
const NO_WORKER = /timed out before a worker could process it/;
const START_ONE = 'Start one with `aegrail worker` or `aegrail up`, on the same task queue.';

/** Reads whatever was thrown. */
export function problemOf(thrown: unknown): Problem {
  if (thrown instanceof AegrailError && thrown.code === 'SESSION_SILENT')
    return known(thrown.code, `${thrown.message} ${START_ONE}`);
  if (thrown instanceof AegrailError) return known(thrown.code, thrown.message);
  if (thrown instanceof DevServerError) return known(thrown.code.toUpperCase(), thrown.message, thrown.code);
  if (thrown instanceof CommanderError) {
    return {
      code: 'USAGE',
      message: thrown.message.replace(/^error: /, '').replaceAll('\n', ' '),
      exitCode: EXIT.usage,
    };
  }
  const { name } = thrown as { name?: string };
  if (name === 'NamespaceNotFoundError') {
    const { namespace } = thrown as { namespace?: string };
    return known(
      'CONFIG_INVALID',
      `The Temporal server has no namespace ${namespace ?? ''}. Name another with --namespace or TEMPORAL_NAMESPACE.`,
    );
  }
  const grpc = grpcErrorIn(thrown);
  if (grpc && NO_WORKER.test(grpc.details)) {
    return known('SERVER_UNREACHABLE', `No worker answered in time. ${START_ONE}`);
  }
  if (grpc && GRPC_UNREACHABLE.has(grpc.code)) {
    const why = firstLine(grpc.details)
      .replace(/\.?\s*Resolution note:.*$/, '')
      .replace(/\.$/, '');
    return known('SERVER_UNREACHABLE', `The Temporal server does not answer: ${why}.`);
  }
  const message = grpc ? `The Temporal server refused: ${grpc.details}` : messageOf(thrown);
  return { code: 'UNEXPECTED', message: firstLine(message), exitCode: EXIT.bad };
}

function known(code: string, message: string, key = code): Problem {
  return { code, message, exitCode: exitCodeOf(key) };
}

/** The gRPC error that one of the SDK's wraps. */
function grpcErrorIn(thrown: unknown): { readonly code: number; readonly details: string } | null {
  for (let inner = thrown; inner instanceof Error; inner = inner.cause) {
    const { code, details } = inner as { code?: unknown; details?: unknown };
    if (typeof code === 'number' && typeof details === 'string') return { code, details };
  }
  return null;
}

function firstLine(text: string): string {
  return text.split('\n', 1)[0] ?? text;
}
