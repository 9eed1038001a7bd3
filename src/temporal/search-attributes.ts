import type { OperatorService, WorkflowService } from '@temporalio/client';
import { AegrailError, messageOf } from '../core/errors.ts';
import { SEARCH_ATTRIBUTES, type Searchable } from '../core/searchable.ts';

/** What is asked of a connection, a client's or a worker's. */
export interface SearchServices {
  readonly operatorService: Pick<OperatorService, 'listSearchAttributes' | 'addSearchAttributes'>;
  readonly workflowService: Pick<WorkflowService, 'describeNamespace'>;
}

type Types = Readonly<Record<string, unknown>>;

/** Temporal's number for the type Keyword. */
const KEYWORD = 2;

const NAMES = Object.entries(SEARCH_ATTRIBUTES) as [Searchable, string][];

/** What was there, and what was not. */
export interface Registered {
  readonly present: readonly string[];
  readonly added: readonly string[];
}

/**
 * The search attributes of a session that a namespace has, each as what it is to be.
 *
 * @throws Error Temporal's, when neither the attributes nor the namespace may be looked at
 */
export async function searchableIn(services: SearchServices, namespace: string): Promise<Searchable[]> {
  const types = await typesIn(services, namespace);
  return NAMES.filter(([, name]) => types[name] === KEYWORD).map(([key]) => key);
}

/**
 * Registers the search attributes that a namespace does not have yet.
 *
 * @throws AegrailError SEARCH_ATTRIBUTES_REFUSED when it is not permitted, there is no room, or one has another type
 */
export async function registerSearchAttributes(services: SearchServices, namespace: string): Promise<Registered> {
  const all = NAMES.map(([, name]) => name);
  const types = await typesIn(services, namespace).catch((thrown: unknown) => refuse(namespace, thrown));
  const wrong = all.filter((name) => types[name] !== undefined && types[name] !== KEYWORD);
  if (wrong.length > 0) {
    const why = `${wrong.join(', ')} is registered as another type than Keyword`;
    throw refused(namespace, `${why}: remove it (temporal operator search-attribute remove)`);
  }
  const added = all.filter((name) => types[name] === undefined);
  if (added.length > 0) {
    const searchAttributes = Object.fromEntries(added.map((name) => [name, KEYWORD]));
    await services.operatorService
      .addSearchAttributes({ namespace, searchAttributes })
      .catch((thrown: unknown) => refuse(namespace, thrown));
  }
  return { present: all.filter((name) => !added.includes(name)), added };
}

async function typesIn({ operatorService, workflowService }: SearchServices, namespace: string): Promise<Types> {
  try {
    return (await operatorService.listSearchAttributes({ namespace })).customAttributes ?? {};
  } catch (thrown) {
    // Where only operators may list them, the namespace itself may tell: its columns are named by type and number.
    const described = await workflowService.describeNamespace({ namespace }).catch(() => {
      throw thrown;
    });
    const aliases = Object.entries(described.config?.customSearchAttributeAliases ?? {});
    return Object.fromEntries(aliases.map(([column, name]) => [name, /^Keyword\d+$/.test(column) ? KEYWORD : 0]));
  }
}

/** gRPC's codes of a server that is there and says no. */
const SAYS_NO: ReadonlySet<unknown> = new Set([3, 5, 6, 7, 8, 9, 12, 16]);

function refuse(namespace: string, thrown: unknown): never {
  const { code, details } = thrown as { readonly code?: unknown; readonly details?: string };
  if (!SAYS_NO.has(code)) throw thrown;
  const said = (details || messageOf(thrown)).replace(/\.$/, '');
  throw refused(namespace, code === 7 || code === 16 ? `this is not permitted (${said})` : said, thrown);
}

function refused(namespace: string, why: string, cause?: unknown): AegrailError {
  const what = `The namespace ${namespace} does not take the search attributes of sessions: ${why}.`;
  return new AegrailError('SEARCH_ATTRIBUTES_REFUSED', what, { cause });
}
