/** What a worker runs. Every exported function is a workflow type. */
export { budgetAccount } from './account.ts';
export { agentSession } from './session.ts';
