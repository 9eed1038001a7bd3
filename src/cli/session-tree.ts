import type { Client } from '@temporalio/client';
import type { Aegrail } from '../client.ts';
import { formatUsd, NANO_PER_USD } from '../core/units.ts';
import { SESSION_WORKFLOW } from '../protocol.ts';
import { ask } from './ask.ts';
import { listedSession, type ListedSession } from './session-state.ts';
import { table } from './table.ts';

/** A session, and those that it started. */
export interface SessionTree {
  readonly session: ListedSession;
  /** What it is doing, where a worker could say so. */
  readonly doing: string | null;
  readonly below: readonly SessionTree[];
}

/**
 * The sessions below one, as Temporal lists them, which is behind by some moments. What a running one has used is asked of
 * it.
 */
export async function treeOf(client: Client, aegrail: Aegrail, top: ListedSession): Promise<SessionTree> {
  const above = new Map<string, ListedSession[]>();
  const root = await rootOf(client, top.id);
  const query = `WorkflowType="${SESSION_WORKFLOW}" AND RootWorkflowId="${quoted(root)}"`;
  for await (const info of client.workflow.list({ query })) {
    // One that another run started still names its session: the id of a child is that of its parent, and a number.
    const parent = info.workflowId.replace(/\.\d+$/, '');
    if (info.workflowId !== top.id && parent !== info.workflowId)
      above.set(parent, [...(above.get(parent) ?? []), listedSession(info)]);
  }
  const grown = async (session: ListedSession): Promise<SessionTree> => {
    const answered = session.state === 'running' ? await ask(aegrail.session(session.id)) : null;
    const view = answered && 'view' in answered ? answered.view : null;
    const below = (above.get(session.id) ?? []).sort((a, b) => a.startedAt.localeCompare(b.startedAt));
    return {
      session: view ? { ...session, usd: view.budget.usd_used } : session,
      doing: view && !view.result ? view.doing : null,
      below: await Promise.all(below.map(grown)),
    };
  };
  return grown(top);
}

/** The lines of a tree, for a person. */
export function treeLines(tree: SessionTree): string[] {
  return table(
    [{ head: 'session' }, { head: 'agent' }, { head: 'state' }, { head: 'usd', align: 'right' }],
    rows(tree, '', ''),
  );
}

function rows({ session, doing, below }: SessionTree, first: string, rest: string): string[][] {
  const { id, agent, state, reason, usd } = session;
  const said = reason === null ? state : `${state} (${reason})`;
  const cost = usd === null ? '' : formatUsd(Math.round(usd * NANO_PER_USD)).replace(' USD', '');
  const own = [`${first}${id}`, agent ?? '?', doing === null ? said : `${said}, ${doing}`, cost];
  const others = below.flatMap((one, index) => {
    const isLast = index === below.length - 1;
    return rows(one, `${rest}${isLast ? '└ ' : '├ '}`, `${rest}${isLast ? '  ' : '│ '}`);
  });
  return [own, ...others];
}

async function rootOf(client: Client, id: string): Promise<string> {
  const { raw } = await client.workflow.getHandle(id).describe();
  return raw.workflowExecutionInfo?.rootExecution?.workflowId ?? id;
}

function quoted(id: string): string {
  return id.replace(/[\\"]/g, '\\$&');
}
