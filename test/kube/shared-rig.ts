import { fileURLToPath } from 'node:url';
import { clearFaults } from './faults.ts';
import type { RigOptions } from './options.ts';
import { resume, status, stop, up } from './rig.ts';
import { loadRig, type Region, type RigState } from './state.ts';

/** Where `test/kube/global-setup.ts` says which rig all files of a run share. */
export const SHARED_RIG = 'ECO_TEST_KUBE_RIG';

const program = (path: string) =>
  `HOST=$POD_IP exec ${process.execPath} ${fileURLToPath(new URL(path, import.meta.url))} "$@"`;

/** The image `ecolink/sim` is this tree's simulator, as a process; lost nodes and crashes are noticed soon. */
export const TEST_OPTIONS: Partial<RigOptions> = {
  nodes: 'h100:8x2,l40s:4x1',
  run: [
    `^ecolink/sim=${program('../../server/cluster/simulator/main.ts')}`,
    `^ecolink/reads-weights=${program('read-weights.ts')}`,
  ],
  nodeGrace: '8s',
  toleration: 5,
  crashBackoffMax: '2s',
};

/** The run's rig with all its components running and no faults, however the file before left it. */
export async function recoverRig(dir: string): Promise<RigState> {
  for (const { region, components } of status(dir)) {
    clearFaults(dir, region);
    for (const [name, { state }] of Object.entries(components)) if (state === 'paused') resume(dir, region, name);
  }
  const { owner } = loadRig(dir).options;
  const rig = await up(dir, { owner });
  const late = rig.regions.flatMap((region) => lateControllers(region).map((name) => [region.name, name] as const));
  if (late.length === 0) return rig;
  await Promise.all(late.map(([region, name]) => stop(dir, region, name, { force: true })));
  return up(dir, { owner });
}

/** Controllers that have seen an API server go: they take up to a minute to hear of anything again, new ones two seconds. */
function lateControllers({ pids }: Region): string[] {
  const since = (name: string) => Number(pids[name]?.since ?? 0);
  const latest = Math.max(since('etcd'), since('kube-apiserver'));
  return ['kube-controller-manager', 'kube-scheduler'].filter((name) => since(name) < latest);
}
