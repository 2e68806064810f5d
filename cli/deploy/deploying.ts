import type { Eco } from '../../sdk/index.ts';
import type { Plan } from './plan.ts';
import type { Undo } from './undo.ts';

export type DeployPlan = Extract<Plan, { type: 'deploy' }>;

/** What each step of a deploy is given. */
export interface Deploying {
  eco: Eco;
  undo: Undo;
  /** Says a step on stderr. */
  note: (text: string) => void;
  signal: AbortSignal;
  waitTimeoutMs: number;
  /** A new instance that failed is left for a look at it. */
  keepFailed: boolean;
}
