import type { Replica, Workload } from '../sdk/index.ts';
import { dollars } from './money.ts';
import type { Columns } from './table.ts';
import { formatAge } from './time.ts';

export const workloadColumns: Columns<Workload> = {
  ID: ({ id }) => id,
  NAME: ({ name }) => name,
  STATE: ({ state }) => state,
  READY: ({ regions }) => `${sum(regions, 'ready')}/${sum(regions, 'desired')}`,
  GPU: ({ gpu }) => `${gpu.type}:${gpu.count}`,
  REGIONS: ({ regions }) => regions.map(({ region }) => region).join(','),
  RATE: ({ rate_per_hour }) => `${dollars(rate_per_hour)}/h`,
  AGE: ({ created_at }) => formatAge(created_at),
  MESSAGE: ({ message }) => message,
};

export const replicaColumns: Columns<Replica> = {
  REPLICA: ({ id }) => id,
  REGION: ({ region }) => region,
  STATE: ({ state }) => state,
  RESTARTS: ({ restarts }) => restarts,
  AGE: ({ started_at }) => formatAge(started_at),
  MESSAGE: ({ message }) => message,
};

/** Fields of one workload, for people. */
export const workloadRecord = (workload: Workload) => ({
  id: workload.id,
  ref: workload.ref,
  kind: workload.kind.replaceAll('_', ' '),
  state: `${workload.state} (${workload.reason}) for ${formatAge(workload.since)}`,
  message: workload.message,
  next: workload.hint,
  model: workload.model,
  image: workload.image,
  engine: workload.engine,
  command: workload.command?.join(' '),
  gpu: `${workload.gpu.type}:${workload.gpu.count} per replica`,
  replicas: workload.regions.map(({ region, ready, desired }) => `${region} ${ready}/${desired}`).join(', '),
  rate: `${dollars(workload.rate_per_hour)}/h`,
  hold: dollars(workload.hold),
  created: `${formatAge(workload.created_at)} ago`,
});

const sum = (regions: Workload['regions'], field: 'ready' | 'desired') =>
  regions.reduce((total, region) => total + region[field], 0);
