import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { LineCounter, parseDocument } from 'yaml';
import { z } from 'zod';
import { Amount } from '../sdk/contract/index.ts';
import { FilesystemName, FolderPath } from './cluster/filesystem.ts';
import { KubernetesRegionConfig } from './cluster/kubernetes/config.ts';

const ms = (fallback: number) => z.int().min(1).max(86_400_000).default(fallback);

const gpuType = z.string().regex(/^[a-z0-9][a-z0-9-]{0,59}$/, 'must be lower-case letters, digits and "-"');

const Gpu = z
  .strictObject({
    type: gpuType.describe('As launches name it: `h100`.'),
    count: z.int().min(1).max(4096).optional().describe('GPUs; left out where `devices` are named.'),
    price_per_hour: Amount.describe('Dollars per GPU and hour.'),
    devices: z
      .array(
        z.union([
          z.int().min(0).max(4095),
          z.string().regex(/^(\d{1,4}|(GPU|MIG)-[\w/-]+)$/, 'must be an index or a UUID'),
        ]),
      )
      .min(1)
      .max(64)
      .optional()
      .describe('Of this machine, by index or UUID as `nvidia-smi` tells them; without it they are simulated.'),
  })
  .refine(({ count, devices }) => count !== undefined || devices !== undefined, 'must have a count, or devices')
  .refine(({ count, devices }) => !count || !devices || count === devices.length, {
    path: ['count'],
    message: 'must be the number of devices; leave it out',
  })
  .transform(({ count, devices, ...gpu }) => ({ ...gpu, devices, count: count ?? devices?.length ?? 0 }));

const isOncePerType = (gpus: readonly { type: string }[]) => new Set(gpus.map(({ type }) => type)).size === gpus.length;

const LocalRegion = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z][a-z0-9-]{0,39}$/, 'must begin with a lower-case letter and hold at most 40 of a-z, 0-9 and "-"')
    .describe('As launches and answers name it.'),
  kind: z.literal('local').describe('Processes of this machine.'),
  gpus: z
    .union([z.literal('auto'), z.array(Gpu).min(1).max(16).refine(isOncePerType, 'must name each type once')])
    .describe('`auto`: those of this machine that no list names, shared among the regions that say so.'),
  prices: z.record(gpuType, Amount).default({}).describe('Dollars per GPU and hour of each type, for `gpus: auto`.'),
  filesystems: z
    .array(
      z.strictObject({
        name: FilesystemName.describe('As models name it.'),
        path: FolderPath.describe('The folder on this machine.'),
      }),
    )
    .max(32)
    .default([])
    .describe('Folders of this machine.'),
});
export type LocalRegionConfig = z.output<typeof LocalRegion>;
export type RegionConfig = LocalRegionConfig | KubernetesRegionConfig;

const isOncePerName = (regions: readonly { name: string }[]) =>
  new Set(regions.map(({ name }) => name)).size === regions.length;

/** A model says the name of its filesystem and no region. */
function refuseTwins(regions: readonly RegionConfig[], context: z.RefinementCtx): void {
  const homes = new Map<string, string>();
  for (const [at, { name: region, filesystems }] of regions.entries())
    for (const [index, { name }] of filesystems.entries()) {
      const home = homes.get(name);
      const path = [at, 'filesystems', index, 'name'];
      if (home !== undefined)
        context.addIssue({ code: 'custom', path, message: `must be another than "${name}", which ${home} has` });
      homes.set(name, region);
    }
}

/** `ecolink.yaml`. Unknown keys are errors; every default stands here. */
export const Config = z.strictObject({
  listen: z
    .string()
    .regex(/^(\[[0-9a-f:]+\]|[\w.-]+):\d{1,5}$/i, 'must be host:port, like "127.0.0.1:8080"')
    .default('127.0.0.1:8080')
    .describe('Host and port. Also `ECO_LISTEN` and `--listen`.'),
  data: z
    .string()
    .min(1)
    .default('.eco')
    .describe('Folder for secrets, journal, local replicas and the SQLite file. Also `ECO_DATA` and `--data`.'),
  database: z
    .string()
    .min(1)
    .optional()
    .describe('Postgres URL or SQLite file; without it `eco.db` in `data`. Also `ECO_DATABASE_URL`.'),
  log_level: z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'silent'])
    .default('info')
    .describe('Log lines are JSON on standard error. Also `ECO_LOG_LEVEL`.'),
  drain_ms: ms(30_000).describe('How long requests may finish after SIGTERM.'),
  local_replicas: z
    .enum(['keep', 'end'])
    .default('keep')
    .describe('What happens to local replicas when the server ends: `keep` leaves them to the next one.'),
  regions: z
    .array(z.discriminatedUnion('kind', [LocalRegion, KubernetesRegionConfig]))
    .max(64)
    .refine(isOncePerName, 'must have a name each')
    .superRefine(refuseTwins)
    .default([]),
  gateway: z
    .strictObject({
      connect_timeout_ms: ms(2_000).describe('To a replica; then another one is tried.'),
      first_token_timeout_ms: ms(120_000).describe('From the request to the first event of a stream.'),
      idle_timeout_ms: ms(60_000).describe('Silence in the middle of a stream.'),
      total_timeout_ms: ms(1_800_000).describe('A whole request.'),
      stalled_client_timeout_ms: ms(60_000).describe('A caller that does not read its answer.'),
      queue_comment_ms: ms(15_000).describe('A stream without a first event is kept alive by a comment so often.'),
      body_max_bytes: z
        .int()
        .min(1024)
        .default(25 * 1024 * 1024)
        .describe('Largest body of a request.'),
      body_budget_bytes: z
        .int()
        .min(1024)
        .default(512 * 1024 * 1024)
        .describe('Bodies in memory at once, of all requests.'),
      journal_fsync: z
        .enum(['never', 'second', 'always'])
        .default('second')
        .describe('How often usage is forced to disk: what may be lost with the machine, not with the process.'),
    })
    .prefault({})
    .describe('Times and sizes of inference requests.'),
});
export type Config = z.output<typeof Config>;

export class ConfigError extends Error {
  override name = 'ConfigError';
}

const ENVIRONMENT = {
  ECO_LISTEN: 'listen',
  ECO_DATA: 'data',
  ECO_DATABASE_URL: 'database',
  ECO_LOG_LEVEL: 'log_level',
} as const;

/** The file that is read: the one that was named, or `ecolink.yaml` where the server was started. */
export const configFile = (path: string | undefined): string | undefined =>
  path ?? (existsSync('ecolink.yaml') ? 'ecolink.yaml' : undefined);

/** File, then environment, then `overrides` (flags), then defaults. Throws a `ConfigError` that names file, line and field. */
export function readConfig(
  path: string | undefined,
  env: NodeJS.ProcessEnv = process.env,
  overrides: Partial<Config> = {},
): Config {
  const file = configFile(path);
  const { value, lineOf } = file === undefined ? { value: {}, lineOf: () => undefined } : readYaml(file);
  const fromEnvironment = Object.entries(ENVIRONMENT).flatMap(([name, key]) =>
    env[name] === undefined ? [] : [[key, env[name]]],
  );
  const parsed = Config.safeParse({ ...value, ...Object.fromEntries(fromEnvironment), ...overrides });
  if (parsed.success) return parsed.data;
  throw new ConfigError(parsed.error.issues.map((issue) => describe(issue, file ?? 'settings', lineOf)).join('\n'));
}

/** The SQLite file or Postgres URL in force. */
export const databaseOf = (config: Config) => config.database ?? join(resolve(config.data), 'eco.db');

function readYaml(file: string) {
  const lines = new LineCounter();
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new ConfigError(`${file}: cannot be read`, { cause });
  }
  const document = parseDocument(text, { lineCounter: lines });
  const [broken] = document.errors;
  if (broken) throw new ConfigError(`${file}:${broken.linePos?.[0].line ?? 1}: ${broken.message}`);
  const value: unknown = document.toJS() ?? {};
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new ConfigError(`${file}:1: must be a mapping of settings`);
  const lineOf = (keys: readonly PropertyKey[]) => {
    const pair = document.getIn(keys.slice(0, -1), true);
    const last = keys.at(-1);
    const items = (pair ?? document.contents) as {
      items?: { key?: { value?: unknown; range?: [number, number, number] } }[];
    } | null;
    const key = items?.items?.find((item) => item.key?.value === last)?.key?.range;
    const node = document.getIn(keys, true) as { range?: [number, number, number] } | undefined;
    const offset = key?.[0] ?? node?.range?.[0];
    return offset === undefined ? undefined : lines.linePos(offset).line;
  };
  return { value: value as Record<string, unknown>, lineOf };
}

function describe(
  issue: z.core.$ZodIssue,
  file: string,
  lineOf: (keys: readonly PropertyKey[]) => number | undefined,
): string {
  const at = (keys: readonly PropertyKey[]): string => {
    const line = lineOf(keys);
    if (line !== undefined) return `${file}:${line}`;
    return keys.length > 1 ? at(keys.slice(0, -1)) : file; // what is missing is missing from what is there
  };
  if (issue.code === 'unrecognized_keys')
    return issue.keys
      .map((key) => `${at([...issue.path, key])}: unknown setting "${[...issue.path, key].join('.')}"`)
      .join('\n');
  if (issue.code === 'invalid_union')
    return closest(issue.errors)
      .map((inner) => describe({ ...inner, path: [...issue.path, ...inner.path] }, file, lineOf))
      .join('\n');
  return `${at(issue.path)}: ${issue.path.join('.') || 'settings'}: ${issue.message}`;
}

/** Of several ways to read a value, the one that came furthest tells what is wrong with it. */
function closest(ways: readonly z.core.$ZodIssue[][]): readonly z.core.$ZodIssue[] {
  const depth = (issues: readonly z.core.$ZodIssue[]) => Math.max(...issues.map(({ path }) => path.length));
  return ways.toSorted((a, b) => depth(b) - depth(a))[0] ?? [];
}
