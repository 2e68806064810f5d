import { EcoError } from '../../../sdk/contract/index.ts';

/** The field that is wrong, and what it must be: `documents: must be …`. */
export const invalid = (param: string, must: string) =>
  new EcoError('invalid_request', `${param}: ${must}.`, { param });

export const missingModel = () =>
  new EcoError('invalid_request', 'model: is missing.', { param: 'model', hint: 'eco catalog' });

/** Of one key: each is edited, so that millions of them would cost far more than their bytes. */
const REPEATS_MAX = 16;

/** Adds to the places that one field stands at. */
export function noteRepeat<T>(places: T[], place: T, param: string): void {
  if (places.push(place) > REPEATS_MAX) throw invalid(param, `is given more than ${REPEATS_MAX} times`);
}
