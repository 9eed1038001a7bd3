import { ApplicationFailure, type WorkflowInterceptors } from '@temporalio/workflow';
import { GovernedCall } from './envelope.ts';

/**
 * Complete mediation: whatever workflow code schedules without the guard is refused here, before it is a command.
 * Temporal's bundler finds this function by its name.
 */
export function interceptors(): WorkflowInterceptors {
  return {
    outbound: [
      {
        scheduleActivity(input, next) {
          const envelope = GovernedCall.open(input.args[0]);
          if (!envelope || input.args.length !== 1) return refuse(`activity ${input.activityType}`);
          return next({ ...input, args: [envelope] });
        },
        scheduleLocalActivity: (input) => refuse(`local activity ${input.activityType}`),
        startChildWorkflowExecution(input, next) {
          const { args = [], ...options } = input.options;
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
