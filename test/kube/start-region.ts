import { existsSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { apiOf } from './api.ts';
import { forgetEnded, launch } from './launch.ts';
import { addRoute, holdOctet } from './networks.ts';
import { processState } from './processes.ts';
import { startScaleNodes } from './scale-nodes.ts';
import type { Region, RigState } from './state.ts';
import { createVolumes } from './volumes.ts';

const START_TIMEOUT_MS = 120_000;
const POLL_MS = 100;
const ETCD_PORT = 2379;

/** Starts what is down of a region, and resolves when its nodes take pods. */
export async function startRegion(rig: RigState, region: Region): Promise<void> {
  addRoute(rig, region);
  holdOctet(rig.dir, region);
  forgetEnded(region);
  launch(rig, region, 'etcd');
  await until(
    region,
    `port ${ETCD_PORT} listens`,
    notYet(() => listens(region.ip, ETCD_PORT)),
  );
  launch(rig, region, 'kube-apiserver');
  await apiServerReady(region);
  for (const name of ['kube-controller-manager', 'kube-scheduler']) launch(rig, region, name);
  for (const { name } of region.nodes) launch(rig, region, name);
  if (rig.options.scaleNodes > 0) await startScaleNodes(rig, region);
  await createVolumes(rig, region);
  const expected = region.nodes.length + rig.options.scaleNodes;
  await until(region, 'nodes are Ready', () => lateNodes(region, expected));
  const account = '/api/v1/namespaces/default/serviceaccounts/default';
  await until(
    region,
    'there is a default service account',
    notYet(() => exists(region, account)),
  );
}

export const apiServerReady = (region: Region): Promise<void> =>
  until(
    region,
    'the API server is ready',
    notYet(() => exists(region, '/readyz')),
  );

interface NodeObject {
  metadata: { name: string };
  status: { conditions?: { type: string; status: string; message: string }[] };
  spec: { taints?: { key: string }[] };
}

/** Which nodes are not there yet, and what they say of it; undefined when all take pods. */
async function lateNodes(region: Region, expected: number): Promise<string | undefined> {
  const { items }: { items: NodeObject[] } = await apiOf(region)('GET', '/api/v1/nodes');
  if (items.length < expected) return `${items.length} of ${expected} have registered`;
  const late = items.flatMap(({ metadata: { name }, status, spec }) => {
    const ready = (status.conditions ?? []).find(({ type }) => type === 'Ready');
    if (ready?.status !== 'True') return [`${name}: ${ready?.message ?? 'it has said nothing yet'}`];
    const taint = (spec.taints ?? []).find(({ key }) => key.startsWith('node.kubernetes.io/'));
    return taint ? [`${name}: ${taint.key}`] : [];
  });
  return late.length > 0 ? late.join('; ') : undefined;
}

const exists = (region: Region, path: string): Promise<boolean> =>
  apiOf(region)('GET', path).then(
    () => true,
    () => false,
  );

const listens = (host: string, port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, host, () => {
      socket.destroy();
      resolve(true);
    }).on('error', () => resolve(false));
  });

const notYet = (isSo: () => Promise<boolean>) => async () => ((await isSo()) ? undefined : 'not yet');

/** `ask` says what is missing. Fails early when a component has ended. */
async function until(region: Region, what: string, ask: () => Promise<string | undefined>): Promise<void> {
  const deadline = performance.now() + START_TIMEOUT_MS;
  for (;;) {
    const missing = await ask();
    if (missing === undefined) return;
    const [dead] = Object.entries(region.pids).find(([, owned]) => processState(owned) === 'gone') ?? [];
    if (dead !== undefined) throw new Error(`${dead} of ${region.name} ended: ${lastLogLine(region, dead)}`);
    if (performance.now() > deadline)
      throw new Error(`${region.name}: gave up waiting until ${what} (${missing}); see ${region.dir}/logs`);
    await sleep(POLL_MS);
  }
}

function lastLogLine({ dir }: Region, name: string): string {
  const file = join(dir, 'logs', `${name}.log`);
  if (!existsSync(file)) return 'its files were removed';
  return readFileSync(file, 'utf8').trimEnd().split('\n').at(-1) ?? '';
}
