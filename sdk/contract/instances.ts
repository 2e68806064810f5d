import { z } from 'zod';
import { endpoint } from './endpoint.ts';
import { ModelSource, modelCategories } from './models.ts';
import { PageQuery, page } from './page.ts';
import { REPLICAS_MAX, Workload, WorkloadRef, workloadStates } from './workloads.ts';

/** Engines whose arguments, port and health path are known; any other image says them itself. */
export const engineNames = [
  'vllm',
  'sglang',
  'tgi',
  'lmdeploy',
  'ollama',
  'llama.cpp',
  'infinity',
  'tei',
  'sim',
] as const;
export type EngineName = (typeof engineNames)[number];

export const GPUS_PER_REPLICA_MAX = 16;
/** The hold of an inference instance covers this many hours. */
export const HOLD_HOURS = 24;

const argument = z.string().max(4096);
const variable = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]{0,127}$/, 'must be a name of an environment variable');

export const LaunchInput = z.object({
  model: z.string().min(1).max(80).describe('Name or id of a registered model.'),
  regions: z.array(z.string().min(1).max(40)).min(1).max(16).optional().describe('Default: chosen by free capacity.'),
  gpu: z
    .strictObject({
      type: z.string().min(1).max(60).optional(),
      count: z.int().min(1).max(GPUS_PER_REPLICA_MAX).default(1),
    })
    .default({ count: 1 })
    .describe('Per replica. Default type: the cheapest that fits.'),
  replicas: z.int().min(1).max(REPLICAS_MAX).default(1).describe('In each region.'),
  engine: z
    .enum(engineNames)
    .optional()
    .describe('What serves the model. Default: told by the image, else the usual one of the category.'),
  image: z
    .string()
    .min(1)
    .max(300)
    .optional()
    .describe('Default: that of the engine. `ecolink/sim` is the built-in simulator.'),
  command: z
    .array(argument)
    .min(1)
    .max(200)
    .optional()
    .describe('Program and arguments, in place of what the image starts.'),
  args: z.array(argument).max(200).default([]),
  env: z.record(variable, z.string().max(32_768)).default({}),
  secrets: z
    .record(variable, z.string().max(32_768))
    .default({})
    .describe('Like `env`, kept encrypted and never shown.'),
  port: z
    .int()
    .min(1)
    .max(65_535)
    .optional()
    .describe('Where the container listens. Default: the engine’s; local replicas are told in PORT.'),
  health_path: z
    .string()
    .regex(/^\//, 'must begin with "/"')
    .max(200)
    .optional()
    .describe('Answers 200 once the model can be called. Default: the engine’s.'),
  custom_api_path: z
    .string()
    .regex(/^\//, 'must begin with "/"')
    .max(200)
    .optional()
    .describe('The container is not OpenAI-compatible; it answers below this path.'),
  startup_seconds: z
    .int()
    .min(10)
    .max(3600)
    .optional()
    .describe('How long a replica may load. Default: by the size of the model.'),
});

export const Quote = z.object({
  object: z.literal('quote'),
  rate_per_hour: z.string(),
  hold: z.string().describe('Dollars set aside at launch.'),
  hold_hours: z.int(),
  available: z.string(),
  available_after: z.string(),
  affordable: z.boolean(),
  gpu: z.object({ type: z.string(), count: z.int() }),
  placements: z.array(
    z.object({
      region: z.string(),
      replicas: z.int(),
      price_per_gpu_hour: z.string(),
      free: z.int(),
      largest_free_block: z.int(),
    }),
  ),
  notes: z.array(z.string()).describe('What the caller should know, like a single region.'),
});
export type Quote = z.infer<typeof Quote>;

export const launchInstance = endpoint({
  name: 'launchInstance',
  method: 'POST',
  path: '/inference-instances',
  summary: 'Launch an inference instance, or quote it with `dry_run`',
  scope: 'workloads',
  input: LaunchInput.extend({
    dry_run: z.boolean().default(false),
    draft: z
      .strictObject({ category: z.enum(modelCategories), source: ModelSource })
      .optional()
      .describe('With `dry_run`: the model as it would be registered, whatever is registered under its name.'),
  }),
  output: z.discriminatedUnion('object', [Workload, Quote]),
});

export const listInstances = endpoint({
  name: 'listInstances',
  method: 'GET',
  path: '/inference-instances',
  summary: 'List inference instances, newest first',
  scope: 'workloads',
  input: PageQuery.extend({ state: z.enum(workloadStates).optional(), model: z.string().max(80).optional() }),
  output: page(Workload),
});

export const getInstance = endpoint({
  name: 'getInstance',
  method: 'GET',
  path: '/inference-instances/{workload}',
  summary: 'Show an inference instance',
  scope: 'workloads',
  input: WorkloadRef,
  output: Workload,
});
