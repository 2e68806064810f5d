import { readFileSync } from 'node:fs';
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
  await until(region, `port ${ETCD_PORT} listens`, () => listens(region.ip, ETCD_PORT));
  launch(rig, region, 'kube-apiserver');
  await apiServerReady(region);
  for (const name of ['kube-controller-manager', 'kube-scheduler']) launch(rig, region, name);
  for (const { name } of region.nodes) launch(rig, region, name);
  if (rig.options.scaleNodes > 0) await startScaleNodes(rig, region);
  await createVolumes(rig, region);
  const expected = region.nodes.length + rig.options.scaleNodes;
  await until(region, 'nodes are Ready', () => haveReadyNodes(region, expected));
  await until(region, 'there is a default service account', () =>
    exists(region, '/api/v1/namespaces/default/serviceaccounts/default'),
  );
}

export const apiServerReady = (region: Region): Promise<void> =>
  until(region, 'the API server is ready', () => exists(region, '/readyz'));

interface NodeObject {
  status: { conditions?: { type: string; status: string }[] };
  spec: { taints?: { key: string }[] };
}

async function haveReadyNodes(region: Region, expected: number): Promise<boolean> {
  const { items }: { items: NodeObject[] } = await apiOf(region)('GET', '/api/v1/nodes');
  return items.length >= expected && items.every(takesPods);
}

const takesPods = ({ status, spec }: NodeObject): boolean =>
  (status.conditions ?? []).some(({ type, status }) => type === 'Ready' && status === 'True') &&
  !(spec.taints ?? []).some(({ key }) => key.startsWith('node.kubernetes.io/'));

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

/** Fails early when a component has ended. */
async function until(region: Region, what: string, condition: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + START_TIMEOUT_MS;
  while (!(await condition())) {
    const [dead] = Object.entries(region.pids).find(([, owned]) => processState(owned) === 'gone') ?? [];
    if (dead !== undefined) throw new Error(`${dead} of ${region.name} ended: ${lastLogLine(region, dead)}`);
    if (performance.now() > deadline)
      throw new Error(`${region.name}: gave up waiting until ${what}; see ${region.dir}/logs`);
    await sleep(POLL_MS);
  }
}

const lastLogLine = ({ dir }: Region, name: string) =>
  readFileSync(join(dir, 'logs', `${name}.log`), 'utf8')
    .trimEnd()
    .split('\n')
    .at(-1);
