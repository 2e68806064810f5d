import type { ModelSource } from '../../../sdk/contract/index.ts';

const STARTUP_SECONDS = { min: 600, max: 3600, perBillion: 20 };
const BILLIONS = /(\d{1,4}(?:\.\d+)?)b(?![a-z0-9])/i;

/** How long a replica may load: weights in billions of parameters, as the repository's name tells them, at 20 s each. */
export function startupSeconds(source: ModelSource): number {
  const name = source.type === 'huggingface' ? source.repo : source.type === 'platform' ? source.platform_model : '';
  const billions = Number(BILLIONS.exec(name)?.[1] ?? 0);
  const { min, max, perBillion } = STARTUP_SECONDS;
  return Math.min(max, Math.max(min, Math.round(min / 2 + billions * perBillion)));
}
