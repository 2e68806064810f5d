import { z } from 'zod';
import { reasons } from '../../sdk/contract/index.ts';

/** What `phase` must remember from pass to pass; stands as JSON in `workloads.memory`. */
export const Memory = z.object({
  /** When this attempt to run was asked for: by launch or resume. */
  attempt_at: z.int(),
  /** First fatal cause of this attempt. Later noise never replaces it. */
  fatal: z
    .object({ reason: z.enum(reasons), message: z.string(), hint: z.string().nullable() })
    .nullable()
    .default(null),
  /** Why it is no longer meant to run. */
  ended_by: z.enum(reasons).nullable().default(null),
  /** What it waits for while no replica is ready, and since when. */
  waiting: z.object({ key: z.string(), since: z.int() }).nullable().default(null),
  /** Since when a region cannot take its replicas, by region. */
  stuck: z.record(z.string(), z.int()).default({}),
  /** Keys of what regions told and events tell already, newest last. */
  told: z.array(z.string()).default([]),
  /** Milliseconds that earlier waits of this attempt took, by key. */
  waited: z.record(z.string(), z.int()).default({}),
});
export type Memory = z.output<typeof Memory>;

export const newMemory = (attempt_at: number): Memory => Memory.parse({ attempt_at });
export const encodeMemory = (memory: Memory): string => JSON.stringify(memory);
export const decodeMemory = (text: string): Memory => Memory.parse(JSON.parse(text));
