import { z } from 'zod';

const Place = z.object({ region: z.string(), price_nanos: z.coerce.bigint() });

const Mount = z.object({ filesystem: z.string(), path: z.string(), read_only: z.boolean() });

/** What `workloads.spec` holds: the launch, with everything decided that the launch left open. Prices are those of the launch. */
export const WorkloadSpec = z.object({
  placements: z.array(Place).min(1),
  /** Where it may go instead while it has not started; none where the launch names its regions. */
  candidates: z.array(Place).default([]),
  /** Regions that it has left and that have not confirmed yet that nothing is there. */
  left: z.array(z.string()).default([]),
  /** In each region. */
  replicas: z.int(),
  gpu: z.object({ type: z.string(), count: z.int() }),
  /** Filesystems that every replica has. */
  mounts: z.array(Mount).default([]),
  image: z.string(),
  /** The engine decides what the gateway may ask of it: `vllm` has continuous usage, `custom` nothing for sure. */
  engine: z.string(),
  command: z.array(z.string()).nullable(),
  args: z.array(z.string()),
  env: z.record(z.string(), z.string()),
  port: z.int().nullable(),
  health_path: z.string(),
  custom_api_path: z.string().nullable(),
  startup_seconds: z.int(),
});
export type WorkloadSpec = z.output<typeof WorkloadSpec>;

export const encodeSpec = (spec: WorkloadSpec): string =>
  JSON.stringify(spec, (_key, value) => (typeof value === 'bigint' ? String(value) : value));
export const decodeSpec = (text: string): WorkloadSpec => WorkloadSpec.parse(JSON.parse(text));
