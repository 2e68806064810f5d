import type { Reason } from '../../../sdk/contract/index.ts';
import { ApiError } from './client/api-error.ts';
import { quoted } from './evidence/verdict.ts';

/** That a region can be asked and does not take what was declared. */
export class Declined extends Error {
  override name = 'Declined';
  readonly reason: Reason;
  /** Asking again will not help. */
  readonly isHopeless: boolean;

  constructor(reason: Reason, message: string, { isHopeless }: { isHopeless: boolean }) {
    super(message);
    this.reason = reason;
    this.isHopeless = isHopeless;
  }
}

/** What an API server's answer says against the declaration, which it may quote; undefined where it says something about the server. */
export function declinedOf(error: unknown, mask: (text: string) => string): Declined | undefined {
  if (error instanceof Declined) return error;
  if (!(error instanceof ApiError)) return undefined;
  const said = quoted(mask(error.message));
  const found = causes.find(
    ([status, pattern]) => status.includes(error.status) && (pattern?.test(error.message) ?? true),
  );
  return found && new Declined(found[2], said, { isHopeless: found[3] });
}

/** Status, words, reason, and whether asking again is of no use: the first that fits. */
const causes: readonly (readonly [readonly number[], RegExp | undefined, Reason, boolean])[] = [
  [[403, 409], /is being terminated|being deleted/, 'scheduled', false],
  [[403], /exceeded quota/, 'quota_exceeded', false],
  [[500, 503], /failed calling webhook/, 'policy_violation', false],
  [[400, 403, 422], /admission webhook|ValidatingAdmissionPolicy|violates PodSecurity/, 'policy_violation', true],
  [[403], undefined, 'policy_violation', false], // whoever runs the region may give us the right
  [[400, 413, 422], undefined, 'bad_config', true],
];
