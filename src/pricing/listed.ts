import { calcPrice, type PriceCalculation } from '@pydantic/genai-prices';
import { isExactly } from './match.ts';

/** What the price list has of just this model of just this provider, on a day; null when it has nothing. */
export function findListed(provider: string, model: string, at: Date): PriceCalculation | null {
  const listed = calcPrice({}, model, { providerId: provider, timestamp: at });
  if (listed === null || listed.provider.id !== provider) return null;
  // The library looks in other providers' lists too: azure finds OpenAI's.
  return listed.provider.models.includes(listed.model) && isExactly(model, listed.model) ? listed : null;
}
