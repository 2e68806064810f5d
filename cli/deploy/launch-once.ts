import { scryptSync } from 'node:crypto';
import type { Eco, Workload } from '../../sdk/index.ts';
import type { Launch } from '../launch-input.ts';
import { digest } from './fingerprint.ts';

/** Earlier deploys of the same that failed; each took one key. */
const EARLIER_MAX = 100;
const ENDED: readonly string[] = ['stopping', 'stopped', 'failed', 'terminated'];

/**
 * Launches what a deploy of the same file from the same start has not launched yet: run again after a lost
 * connection, it finds the instance of the earlier run. One that has ended since is followed by a new one.
 */
export async function launchOnce(eco: Eco, launch: Launch, seed: unknown): Promise<Workload> {
  const [newest] = (await eco.workloads.list({ all: true, limit: 1 })).data;
  let idempotencyKey = `deploy-${digest({ ...launch, secrets: conceal(launch.secrets), seed })}`;
  for (let earlier = 0; earlier < EARLIER_MAX; earlier++) {
    const { id } = await eco.instances.launch(launch, { idempotencyKey });
    const workload = await eco.workloads.get(id); // what the launch answered may be a day old
    if (id > (newest?.id ?? 0) || !ENDED.includes(workload.state)) return workload;
    idempotencyKey = `deploy-${digest({ idempotencyKey, id })}`;
  }
  return eco.instances.launch(launch);
}

const CONCEALED_BYTES = 16;

/** Another value is another launch. The key is kept with the instance, so nobody may guess a short secret from it. */
function conceal(secrets: Launch['secrets'] = {}): string {
  if (Object.keys(secrets).length === 0) return '';
  return scryptSync(JSON.stringify(secrets), 'ecolink deploy', CONCEALED_BYTES).toString('hex');
}
