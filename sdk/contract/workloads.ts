import { z } from 'zod';
import { endpoint } from './endpoint.ts';
import { PageQuery, page } from './page.ts';

export const workloadKinds = ['inference_instance', 'gpu_instance', 'gpu_cluster'] as const;
export type WorkloadKind = (typeof workloadKinds)[number];

export const workloadStates = [
  'pending',
  'pulling',
  'loading',
  'running',
  'degraded',
  'stopping',
  'stopped',
  'failed',
  'terminated',
] as const;
export type WorkloadState = (typeof workloadStates)[number];

/** Why a workload or a replica is in its state. A closed list: `docs/concepts/workloads.md` explains each. */
export const reasons = [
  'scheduled',
  'no_capacity',
  'region_unreachable',
  'starting',
  'loading_model',
  'ready',
  'replica_restarting',
  'scaling',
  'crashed',
  'startup_timeout',
  'bad_config',
  'unresponsive',
  'stopped_by_user',
  'terminated_by_user',
  'credit_depleted',
  'replicas_stopping',
  'no_such_gpu',
  'nodes_unavailable',
  'volume_unavailable',
  'quota_exceeded',
  'policy_violation',
  'image_not_found',
  'image_auth',
  'image_arch',
  'image_network',
  'registry_rate_limited',
  'sandbox_failed',
  'disk_full',
  'oom_host',
  'oom_gpu',
  'hf_gated',
  'hf_token_missing',
  'weights_not_found',
  'driver_mismatch',
  'context_too_long',
  'bad_args',
  'evicted',
  'preempted',
  'node_lost',
] as const;
export type Reason = (typeof reasons)[number];

export const RegionReplicas = z.object({ region: z.string(), desired: z.int(), ready: z.int() });

export const Workload = z.object({
  object: z.literal('workload'),
  id: z.int().describe('One sequence for all kinds, never used again.'),
  kind: z.enum(workloadKinds),
  name: z.string(),
  ref: z.string().describe('What a request writes as `model`: name, colon, id.'),
  state: z.enum(workloadStates),
  reason: z.enum(reasons),
  message: z.string().describe('One sentence that names the thing.'),
  hint: z.string().nullable().describe('A command that helps.'),
  since: z.int().describe('Unix milliseconds of the last change of state or reason.'),
  model: z.string().nullable().describe('Registered model of an inference instance.'),
  category: z.string().nullable(),
  image: z.string(),
  engine: z.string().describe('What serves there, like `vllm`; `custom` where nothing is known of it.'),
  command: z.array(z.string()).nullable(),
  args: z.array(z.string()).describe('`$(HOST)` and `$(PORT)` are filled in for each replica.'),
  custom_api_path: z.string().nullable(),
  gpu: z.object({ type: z.string(), count: z.int() }),
  replicas_per_region: z.int(),
  regions: z.array(RegionReplicas),
  rate_per_hour: z.string().describe('Dollars per hour with all replicas up.'),
  hold: z.string().describe('Dollars set aside for it now.'),
  hold_until: z.int().nullable(),
  generation: z.int().describe('Counts the changes that were asked for.'),
  observed_generation: z.int().describe('The change that state and replicas already reflect.'),
  revision: z.int().describe('Counts every change of this answer; give it to `wait`.'),
  created_at: z.int(),
  started_at: z.int().nullable().describe('First time all replicas were ready.'),
  ended_at: z.int().nullable().describe('When it was stopped, failed or terminated.'),
});
export type Workload = z.infer<typeof Workload>;

export const replicaStates = [
  'pending',
  'pulling',
  'loading',
  'ready',
  'unready',
  'restarting',
  'stopping',
  'gone',
] as const;
export type ReplicaState = (typeof replicaStates)[number];

export const Replica = z.object({
  object: z.literal('replica'),
  id: z.string(),
  workload_id: z.int(),
  region: z.string(),
  node: z.string().nullable(),
  state: z.enum(replicaStates),
  reason: z.enum(reasons),
  message: z.string(),
  restarts: z.int(),
  pid: z.int().nullable().describe('Process id of a local replica.'),
  address: z.string().nullable(),
  started_at: z.int().nullable(),
  ready_at: z.int().nullable(),
  ended_at: z.int().nullable(),
  exit_code: z.int().nullable().describe('Of the last process that ended.'),
});
export type Replica = z.infer<typeof Replica>;

export const WorkloadEvent = z.object({
  object: z.literal('event'),
  id: z.string(),
  workload_id: z.int(),
  at: z.int(),
  type: z.enum(['normal', 'warning']),
  reason: z.string(),
  message: z.string(),
  actor: z.string().describe('`system`, or the id of the key that asked.'),
});
export type WorkloadEvent = z.infer<typeof WorkloadEvent>;

export const LogLine = z.object({
  replica: z.string(),
  region: z.string(),
  at: z.int().describe('Unix milliseconds.'),
  stream: z.enum(['stdout', 'stderr']),
  text: z.string(),
});
export type LogLine = z.infer<typeof LogLine>;

/** A workload by id, by `name:id`, or by a name that only one live workload has. */
export const WorkloadRef = z.object({
  workload: z.coerce.string().min(1).max(80).describe('Id, `name:id`, or a unique name.'),
});

export const REPLICAS_MAX = 64;
export const WAIT_SECONDS_MAX = 60;
export const TAIL_MAX = 10_000;

const flag = z
  .union([z.boolean(), z.enum(['true', 'false'])], 'must be true or false')
  .transform((value) => value === true || value === 'true')
  .default(false);

export const listWorkloads = endpoint({
  name: 'listWorkloads',
  method: 'GET',
  path: '/workloads',
  summary: 'List workloads of every kind, newest first',
  scope: 'workloads',
  input: PageQuery.extend({
    kind: z.enum(workloadKinds).optional(),
    state: z.enum(workloadStates).optional(),
    all: flag.describe('Terminated ones too.'),
  }),
  output: page(Workload),
});

export const getWorkload = endpoint({
  name: 'getWorkload',
  method: 'GET',
  path: '/workloads/{workload}',
  summary: 'Show a workload',
  scope: 'workloads',
  input: WorkloadRef,
  output: Workload,
});

export const listReplicas = endpoint({
  name: 'listReplicas',
  method: 'GET',
  path: '/workloads/{workload}/replicas',
  summary: 'Replicas of a workload, with those that are gone if asked',
  scope: 'workloads',
  input: WorkloadRef.extend(PageQuery.shape).extend({ all: flag }),
  output: page(Replica),
});

export const listEvents = endpoint({
  name: 'listEvents',
  method: 'GET',
  path: '/workloads/{workload}/events',
  summary: 'What happened to a workload and why, newest first',
  scope: 'workloads',
  input: WorkloadRef.extend(PageQuery.shape),
  output: page(WorkloadEvent),
});

export const followEvents = endpoint({
  name: 'followEvents',
  method: 'GET',
  path: '/workloads/{workload}/events/follow',
  summary: 'Events as they happen, oldest first, one JSON document a line',
  scope: 'workloads',
  input: WorkloadRef.extend({ since: z.coerce.number().int().min(0).default(0).describe('Unix milliseconds.') }),
  output: WorkloadEvent,
  answer: 'lines',
});

export const readLogs = endpoint({
  name: 'readLogs',
  method: 'GET',
  path: '/workloads/{workload}/logs',
  summary: 'Log lines of all replicas or one, one JSON document a line',
  scope: 'workloads',
  input: WorkloadRef.extend({
    replica: z.string().max(100).optional(),
    tail: z.coerce.number().int().min(0).max(TAIL_MAX).default(1000).describe('Last lines of each replica.'),
    since: z.coerce.number().int().min(0).default(0).describe('Unix milliseconds.'),
    follow: flag,
    previous: flag.describe('Of the process before the last restart.'),
  }),
  output: LogLine,
  answer: 'lines',
});

export const scaleWorkload = endpoint({
  name: 'scaleWorkload',
  method: 'POST',
  path: '/workloads/{workload}/scale',
  summary: 'Change the number of replicas in each region',
  scope: 'workloads',
  input: WorkloadRef.extend({ replicas: z.int().min(1).max(REPLICAS_MAX) }),
  output: Workload,
});

export const extendWorkload = endpoint({
  name: 'extendWorkload',
  method: 'POST',
  path: '/workloads/{workload}/extend',
  summary: 'Buy more hours for a GPU instance or cluster',
  scope: 'workloads',
  input: WorkloadRef.extend({ hours: z.int().min(1).max(8760) }),
  output: Workload,
});

export const stopWorkload = endpoint({
  name: 'stopWorkload',
  method: 'POST',
  path: '/workloads/{workload}/stop',
  summary: 'Release the GPUs; the unused part of the hold comes back',
  scope: 'workloads',
  input: WorkloadRef,
  output: Workload,
});

export const resumeWorkload = endpoint({
  name: 'resumeWorkload',
  method: 'POST',
  path: '/workloads/{workload}/resume',
  summary: 'Start a stopped or failed workload again, with a new hold',
  scope: 'workloads',
  input: WorkloadRef,
  output: Workload,
});

export const terminateWorkload = endpoint({
  name: 'terminateWorkload',
  method: 'POST',
  path: '/workloads/{workload}/terminate',
  summary: 'End a workload for good',
  scope: 'workloads',
  input: WorkloadRef,
  output: Workload,
});

export const waitForWorkload = endpoint({
  name: 'waitForWorkload',
  method: 'GET',
  path: '/workloads/{workload}/wait',
  summary: 'Answer as soon as the workload is newer than `revision`, or after `timeout_seconds` as it is',
  scope: 'workloads',
  input: WorkloadRef.extend({
    revision: z.coerce.number().int().min(0).default(0),
    timeout_seconds: z.coerce.number().int().min(0).max(WAIT_SECONDS_MAX).default(25),
  }),
  output: Workload,
});
