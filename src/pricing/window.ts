import { findListed } from './listed.ts';

/**
 * Tokens that a model's window holds, as the price list has it; null when it does not have just this model, or its window.
 *
 * @param model `provider/name`
 */
export function windowTokensOf(model: string, at: Date): number | null {
  const [provider = '', ...rest] = model.split('/');
  return findListed(provider, rest.join('/'), at)?.model.context_window ?? null;
}
