import { fileURLToPath } from 'node:url';
import { clearFaults } from './faults.ts';
import type { RigOptions } from './options.ts';
import { resume, status, up } from './rig.ts';
import { loadRig, type RigState } from './state.ts';

/** Where `test/kube/global-setup.ts` says which rig all files of a run share. */
export const SHARED_RIG = 'ECO_TEST_KUBE_RIG';

const simulator = fileURLToPath(new URL('../../server/cluster/simulator/main.ts', import.meta.url));

/** The image `ecolink/sim` is this tree's simulator, as a process; lost nodes and crashes are noticed soon. */
export const TEST_OPTIONS: Partial<RigOptions> = {
  nodes: 'h100:8x2,l40s:4x1',
  run: [`^ecolink/sim=HOST=$POD_IP exec ${process.execPath} ${simulator} "$@"`],
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
  return up(dir, { owner: loadRig(dir).options.owner });
}
