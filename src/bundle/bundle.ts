import { bundleWorkflowCode, type Logger, type WorkflowBundleWithSourceMap } from '@temporalio/worker';
import { converterPaths, workflowFile } from './workflow-file.ts';

/** What goes into a workflow bundle beside aegrail's own workflows. */
export interface BundleOptions {
  /** Absolute path of the module whose export `predicates` has the contract file's rules in TypeScript. */
  readonly predicates?: string | undefined;
  /** Absolute path of other workflows, for tests. */
  readonly workflowsPath?: string | undefined;
  /** For workers with a codec: failures leave their messages to it. */
  readonly encrypted?: boolean | undefined;
  readonly logger?: Logger | undefined;
}

/** Whether a bundle was made for workers with a codec. Without that a failure's message would stay in clear. */
export function isForCodec({ code }: { readonly code: string }): boolean {
  return code.includes('workflows/failure-converter.');
}

/** Bundles the session workflow with its interceptors: nothing in it is scheduled past the guard. */
export function bundleWorkflows({
  predicates,
  workflowsPath,
  encrypted = false,
  logger,
}: BundleOptions = {}): Promise<WorkflowBundleWithSourceMap> {
  const standIn = workflowFile('predicates');
  return bundleWorkflowCode({
    workflowsPath: workflowsPath ?? workflowFile('index'),
    workflowInterceptorModules: [workflowFile('interceptors')],
    ...converterPaths(encrypted),
    ...(logger ? { logger } : {}),
    webpackConfigHook(config) {
      // The SDK's own aliases, which webpack would take as a list too.
      const given = config.resolve?.alias;
      const alias = { ...(Array.isArray(given) ? {} : given), ...(predicates ? { [standIn]: predicates } : {}) };
      return { ...config, resolve: { ...config.resolve, alias } };
    },
  });
}
