/** What a worker runs. Every exported function is a workflow type. */
export { agentSession } from './session.ts';
