import type { Workload } from '../../sdk/index.ts';

/** What differs between two lists: new and changed workloads oldest first, and ids that are no longer listed. */
export function workloadChanges(before: readonly Workload[], after: readonly Workload[]) {
  const revisions = new Map(before.map(({ id, revision }) => [id, revision]));
  const listed = new Set(after.map(({ id }) => id));
  return {
    changed: after.filter(({ id, revision }) => revisions.get(id) !== revision).toReversed(),
    gone: before.map(({ id }) => id).filter((id) => !listed.has(id)),
  };
}
