import type { Command } from 'commander';
import { addContractSign } from './contract-sign.ts';
import { addContractVerify } from './contract-verify.ts';
import type { Invocation } from './invocation.ts';

/** Adds `aegrail contract` with what is below it. */
export function addContract(program: Command, invocation: Invocation): void {
  const contract = program
    .command('contract')
    .description('sign contracts, for workers that run only what is signed (trustedContractKeys)');
  addContractSign(contract, invocation);
  addContractVerify(contract, invocation);
}
