import { fileURLToPath } from 'node:url';
import type { ContractFileInput } from '../../src/config/schema.ts';

const TOOLS = fileURLToPath(new URL('../contract/tools.ts', import.meta.url));
/** The rule of the contract file in the documentation: two members, a comparison, a call. */
const WHEN = "args.id.size() <= 16 && principal.user.endsWith('@acme.com')";

/**
 * The contract of every benchmark: budgets in all dimensions, a schema and a CEL rule on the tool that is measured. `lax`
 * is the same agent, whose calls run when their admission could not be stored.
 */
export function benchContract(taskQueue: string): ContractFileInput {
  const limits = { usd: 1_000_000, tokens: 1_000_000_000, wallSeconds: 3600, maxToolCalls: 1_000_000 };
  const tools = {
    lookup_order: { module: TOOLS, when: WHEN },
    read_page: { module: TOOLS },
    forbidden: { module: TOOLS, export: 'lookup_order', when: 'false' },
  };
  const bot = { model: 'openai/gpt-5.4-mini', instructions: 'You help customers of a shop.', tools, limits };
  return {
    agents: { bot, lax: { ...bot, audit: 'best_effort' } },
    store: 'sqlite:store.db',
    taskQueue,
  };
}
