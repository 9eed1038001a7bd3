import type { ContractFileInput } from './schema.ts';

/** Gives a contract file in TypeScript its types: `export const config = defineConfig({ agents: … })`. */
export function defineConfig(config: ContractFileInput): ContractFileInput {
  return config;
}
