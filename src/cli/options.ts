import { type Command, InvalidArgumentError, Option } from 'commander';

/** Adds `--json`. @param what the JSON that is written */
export function withJson(command: Command, what: string): Command {
  return command.option('--json', `write ${what} to stdout, and nothing else`);
}

/** Adds how the Temporal server is reached, over what environment and profiles say. */
export function withServer(command: Command): Command {
  return command
    .option('--address <host:port>', 'Temporal server (TEMPORAL_ADDRESS, or 127.0.0.1:7233)')
    .option('--namespace <name>', 'Temporal namespace (TEMPORAL_NAMESPACE, or default)')
    .option('--profile <name>', "profile of Temporal's client configuration file (TEMPORAL_PROFILE)");
}

/** Adds `--config`. */
export function withConfig(command: Command): Command {
  return command.option(
    '-c, --config <file>',
    'contract file (aegrail.yaml, .yml, .json or aegrail.config.ts, in this folder)',
  );
}

/** Adds `--log-level`. */
export function withLogLevel(command: Command): Command {
  const levels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'];
  return command.addOption(
    new Option('--log-level <level>', 'how much is logged to stderr')
      .choices(levels)
      .env('AEGRAIL_LOG_LEVEL')
      .default('warn'),
  );
}

/** Adds an example to a command's help. */
export function withExample(command: Command, ...lines: readonly string[]): Command {
  return command.addHelpText('after', `\nExample:\n${lines.map((line) => `  ${line}`).join('\n')}`);
}

/** A decimal number, as limits have it. Whether it may be that large, or that small, is the contract's to say. */
export function decimal(text: string): number {
  if (!/^-?\d+(\.\d+)?$/.test(text)) throw new InvalidArgumentError('It must be a number, such as 20 or 0.5.');
  return Number(text);
}

/** A whole number from 1. */
export function count(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError('It must be a whole number from 1.');
  return Number(text);
}

/** A TCP port; 0 means any free one. */
export function port(text: string): number {
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65_535)
    throw new InvalidArgumentError('It must be a port from 1 to 65535, or 0 for a free one.');
  return Number(text);
}
