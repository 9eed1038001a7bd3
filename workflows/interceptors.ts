import { ApplicationFailure, type WorkflowInterceptors } from '@temporalio/workflow';
import { GovernedCall } from './envelope.ts';

/**
 * Complete mediation: whatever workflow code schedules without the guard is refused here, before it is a command.
 * Temporal's bundler finds this function by its name.
 */
export function interceptors(): WorkflowInterceptors {
  return {
    inbound: [
      {
        async handleUpdate(input, next) {
          await afterWhatHappenedBefore();
          return next(input);
        },
      },
    ],
    outbound: [
      {
        scheduleActivity(input, next) {
          const envelope = GovernedCall.open(input.args[0]);
          if (!envelope || input.args.length !== 1) return refuse(`activity ${input.activityType}`);
          return next({ ...input, args: [envelope] });
        },
        scheduleLocalActivity: (input) => refuse(`local activity ${input.activityType}`),
        startChildWorkflowExecution(input, next) {
          const { args, ...options } = input.options;
          const envelope = GovernedCall.open(args[0]);
          if (!envelope || args.length !== 1) return refuse(`child workflow ${input.workflowType}`);
          return next({ ...input, options: { ...options, args: [envelope.call] } });
        },
        startNexusOperation: (input) => refuse(`Nexus operation ${input.service}.${input.operation}`),
        signalWorkflow: (input) => refuse(`signal ${input.signalName}`),
      },
    ],
  };
}

function refuse(what: string): Promise<never> {
  // Rejected and not thrown: the caller awaits it, and an interceptor's throw would be taken for a broken workflow task.
  return Promise.reject(
    ApplicationFailure.nonRetryable(`The ${what} was scheduled past the guard, without a permit.`, 'PERMIT_MISSING'),
  );
}

/** More microtasks than any of our promises has others waiting for it, one after the other. */
const MICROTASKS = 100;

/**
 * Lets what happened before an update be taken in before its handler runs. A worker that does not know the workflow is handed
 * an update together with the ends of calls that came before it, where the workflow tasks of those scheduled nothing; a replay is
 * handed one after the other. Where the handler sees other things the second time, commands come in another order than
 * the history has, and the session never goes on (https://github.com/temporalio/sdk-python/issues/1591).
 */
async function afterWhatHappenedBefore(): Promise<void> {
  for (let index = 0; index < MICROTASKS; index++) await Promise.resolve();
}
