import type { Activities } from './index.ts';
import { adoptContract, type AdoptContractDeps } from './adopt-contract.ts';
import { callModel, type CallModelDeps } from './call-model.ts';
import { callTool, type CallToolDeps } from './call-tool.ts';
import { accountWindow } from './account-window.ts';
import { leaseMore, settleEnded } from './lease.ts';
import { lookAtHolders, type HoldersDeps } from './look-at-holders.ts';
import { lookAtSwitch, type LookAtSwitchDeps } from './look-at-switch.ts';
import { openSession, type OpenSessionDeps } from './open-session.ts';
import { reloadSession } from './reload-session.ts';
import { settleAgent, type SettleAgentDeps } from './settle-agent.ts';

/** Everything that the activities touch. */
export type ActivityDeps = CallModelDeps &
  CallToolDeps &
  OpenSessionDeps &
  AdoptContractDeps &
  LookAtSwitchDeps &
  SettleAgentDeps &
  HoldersDeps;

/** The activities of a worker, with what they touch. */
export function createActivities(deps: ActivityDeps): Activities {
  return {
    openSession: (envelope) => openSession(deps, envelope),
    callModel: (envelope) => callModel(deps, envelope),
    callTool: (envelope) => callTool(deps, envelope),
    lookAtSwitch: (envelope) => lookAtSwitch(deps, envelope),
    adoptContract: (envelope) => adoptContract(deps, envelope),
    reloadSession: () => reloadSession(deps.store),
    settleAgent: (envelope) => settleAgent(deps, envelope),
    leaseMore: (envelope) => leaseMore(deps, envelope),
    accountWindow: async (envelope) => accountWindow(envelope),
    lookAtHolders: (envelope) => lookAtHolders(deps, envelope),
    // The records were appended by the interceptor, as those of every call are.
    appendRecords: async (envelope) => settleEnded(deps, envelope),
  };
}
