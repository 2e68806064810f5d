import { newId } from '../../new-id.ts';
import type { Deployment } from '../driver.ts';
import { argvOf, findProblem, hashOf } from './command.ts';
import { makeSlot, saveSpec } from './folder.ts';
import { freeGpus, type LocalGpu } from './gpus.ts';
import { planSlots } from './plan.ts';
import { isStaying, newState, type Slot, type SlotSpec, type Verdict } from './slot.ts';
import { tellToStop } from './tend.ts';

export interface Site {
  installation: string;
  directory: string;
  gpus: readonly LocalGpu[];
  clock: () => number;
  /** All of this installation, gone ones too. */
  slots: Slot[];
}

/** How long after a slot says that it stops its process is told: by then no requests are sent to it any more. */
export const DRAIN_NOTICE_MS = 500;

/** Takes the next step towards what is declared. */
export function rollOut(site: Site, deployment: Deployment): void {
  const { slots, gpus } = site;
  const { uid, replicas, gpu, port } = deployment;
  const hash = hashOf(deployment);
  const staying = slots.filter((slot) => slot.spec.uid === uid && isStaying(slot));
  for (const slot of staying) if (slot.spec.hash === hash) takeOver(slot, deployment);
  const canSurge = port === null && freeGpus(gpus, gpu.type, slots).length >= gpu.count;
  const plan = planSlots(
    { replicas, canSurge },
    staying.map((slot) => standingOf(slot, hash)),
  );

  for (const slot of staying.filter(({ spec }) => plan.stop.includes(spec.id)))
    tellToStop(slot, whyStop(slot, replicas, hash), {
      at: site.clock(),
      notice_ms: DRAIN_NOTICE_MS,
      grace_ms: slot.spec.grace_seconds * 1000,
    });
  for (let made = 0; made < plan.create; made++) slots.push(createSlot(site, deployment, hash));
}

const standingOf = ({ spec, state, isReady }: Slot, hash: string) => ({
  id: spec.id,
  isCurrent: spec.hash === hash,
  isReady,
  isWaiting: state.gpus === null,
  created_at: spec.created_at,
});

/** What changes without a new process. */
function takeOver(slot: Slot, { generation, health_path, startup_seconds, grace_seconds }: Deployment): void {
  const changed = { generation, health_path, startup_seconds, grace_seconds };
  if (Object.entries(changed).every(([key, value]) => slot.spec[key as keyof SlotSpec] === value)) return;
  slot.spec = { ...slot.spec, ...changed };
  saveSpec(slot);
}

function whyStop({ spec }: Slot, replicas: number, hash: string): Verdict {
  if (replicas === 0) return { reason: 'replicas_stopping', message: 'Told to stop.' };
  const message = spec.hash === hash ? 'Fewer replicas are wanted.' : 'Replaced by a newer one.';
  return { reason: 'scaling', message };
}

const RANDOM_CHARS = 6;

function createSlot({ installation, directory, gpus, clock }: Site, deployment: Deployment, hash: string): Slot {
  const { workload_id, region, uid, name, generation, env, secrets, gpu, port } = deployment;
  const { health_path, startup_seconds, grace_seconds } = deployment;
  const spec: SlotSpec = {
    id: `${workload_id}-${region}-${newId('').slice(-RANDOM_CHARS)}`,
    ...{ installation, region, workload_id, uid, name, generation, hash },
    argv: argvOf(deployment),
    cwd: process.cwd(),
    ...{ env, secrets, gpu, port, health_path, startup_seconds, grace_seconds },
    created_at: clock(),
  };
  const known = gpus.some(({ type }) => type === gpu.type);
  const problem = known ? findProblem(spec, deployment) : `${region} has no GPU of type "${gpu.type}".`;
  const trouble: Verdict | null = problem === undefined ? null : { reason: 'bad_config', message: problem };
  return makeSlot(directory, spec, { ...newState(), trouble });
}
