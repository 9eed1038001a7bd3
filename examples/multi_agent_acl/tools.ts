import { defineTool } from 'aegrail';
import { z } from 'zod';

export const cost_report = defineTool({
  description: 'What the cloud has cost in a period: mtd, qtd or ytd.',
  input: z.object({ period: z.string() }),
  execute: ({ period }) => `cloud cost ${period}: 84,201.47 USD`,
});

export const deploy_infra = defineTool({
  description: 'Deploys the infrastructure to an environment.',
  input: z.object({ env: z.string() }),
  execute: ({ env }) => `deployed to ${env}`,
});
