import { createHash } from 'node:crypto';
import { DECLARED } from './manifest/names.ts';
import type { KubeObject } from './objects.ts';

/** A field that is not as it was declared. */
export interface Difference {
  path: string;
  from: unknown;
  to: unknown;
}

interface Declared {
  hash: string;
  manifest: KubeObject;
  /** What the cluster made of it: with its own spelling of quantities. */
  made: KubeObject;
  at: number;
}

/** Changes by hand beside the Deployment, which is watched, are put right by this time. */
const AGAIN_MS = 10 * 60_000;
const HASH_CHARS = 16;

/** Of all that is declared together. */
export const hashOf = (objects: readonly (KubeObject | undefined)[]): string =>
  createHash('sha256').update(JSON.stringify(objects)).digest('hex').slice(0, HASH_CHARS);

/** The manifest with a mark of what was declared, by which a later look knows what the object should be. */
export function marked<T extends KubeObject>(manifest: T, hash: string): T {
  const annotations = { ...manifest.metadata.annotations, [DECLARED]: hash };
  return { ...manifest, metadata: { ...manifest.metadata, annotations } };
}

/** Deployments as they were declared, by uid of their workload: what differs later was changed by somebody else. */
export class Drift {
  readonly #declared = new Map<string, Declared>();

  note(uid: string, declared: Declared): void {
    this.#declared.set(uid, declared);
  }

  forget(uid: string): void {
    this.#declared.delete(uid);
  }

  /** Whether declaring it again would change nothing. */
  isAsDeclared(uid: string, { hash, live, now }: { hash: string; live: KubeObject | undefined; now: number }): boolean {
    const declared = this.#declared.get(uid);
    if (!declared || !live || declared.hash !== hash || now - declared.at >= AGAIN_MS) return false;
    const { metadata } = live;
    const isSame = metadata.uid === declared.made.metadata.uid && metadata.annotations?.[DECLARED] === hash;
    return isSame && metadata.deletionTimestamp === undefined && this.differences(uid, live).length === 0;
  }

  /** Declared fields that have another value now. None where the object follows a declaration that is not known here. */
  differences(uid: string, now: KubeObject): Difference[] {
    const declared = this.#declared.get(uid);
    if (!declared || now.metadata.annotations?.[DECLARED] !== declared.hash) return [];
    return compare('spec', specOf(declared.manifest), { made: specOf(declared.made), now: specOf(now) });
  }
}

const specOf = (object: KubeObject) => (object as KubeObject & { spec?: unknown }).spec;

/** Only what the manifest says: the cluster's own additions and other people's are theirs. */
function compare(path: string, said: unknown, { made, now }: { made: unknown; now: unknown }): Difference[] {
  if (!isTree(said) || !isTree(made)) return same(made, now) ? [] : [{ path, from: made, to: now }];
  if (!isTree(now) || (Array.isArray(made) && Array.isArray(now) && made.length !== now.length))
    return [{ path, from: made, to: now }];
  return Object.keys(said).flatMap((key) =>
    compare(Array.isArray(said) ? `${path}[${key}]` : `${path}.${key}`, said[key as never], {
      made: made[key as never],
      now: now[key as never],
    }),
  );
}

const isTree = (value: unknown): value is object => typeof value === 'object' && value !== null;
const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);

const VALUE_CHARS_MAX = 80;

/** `spec.replicas from 1 to 4`. */
export const describeDifference = ({ path, from, to }: Difference): string =>
  `${path} from ${show(from)} to ${show(to)}`;

function show(value: unknown): string {
  const text = value === undefined ? 'nothing' : JSON.stringify(value);
  return text.length > VALUE_CHARS_MAX ? `${text.slice(0, VALUE_CHARS_MAX)}…` : text;
}
