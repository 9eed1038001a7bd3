import { CONTRACT_FILE_NAME, MAX_CONTRACT_BYTES } from './bundle-format.ts';
import type { Bundle } from './bundle-reader.ts';
import { type ContractFacts, contractFacts } from './contract-facts.ts';
import type { Findings } from './verdicts.ts';

/** Reads all contracts of a bundle, and keeps of each what is needed, by its SHA-256. One that is none is found. */
export async function readContracts(bundle: Bundle, findings: Findings): Promise<ReadonlyMap<string, ContractFacts>> {
  const contracts = new Map<string, ContractFacts>();
  for (const { name, sha256 } of bundle.manifest.files) {
    const named = CONTRACT_FILE_NAME.exec(name)?.[1];
    if (named === undefined) continue;
    const bytes = await bundle.whole(name, MAX_CONTRACT_BYTES);
    const facts = bytes === null ? { why: 'it is too large, or can not be read' } : contractFacts(bytes);
    // The manifest's SHA-256 was compared with the bytes as they were read.
    const why = named !== sha256 ? 'its SHA-256 is not its name' : 'why' in facts ? facts.why : null;
    if (why !== null) findings.found({ fault: 'bad_contract', why, file: name, line: 1 });
    else if (!('why' in facts)) contracts.set(named, facts);
  }
  return contracts;
}
