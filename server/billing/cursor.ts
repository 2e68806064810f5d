import { EcoError } from '../../sdk/contract/index.ts';

/** The parts of a `next` that came back as `after`. Throws `invalid_request` where it is none of ours. */
export function readCursor(after: string, pattern: RegExp): string[] {
  const match = pattern.exec(after);
  if (!match) throw new EcoError('invalid_request', 'after: is not the `next` of a page.', { param: 'after' });
  return match.slice(1);
}
