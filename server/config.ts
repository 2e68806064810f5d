import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { LineCounter, parseDocument } from 'yaml';
import { z } from 'zod';
import { Amount } from '../sdk/contract/index.ts';

const ms = (fallback: number) => z.int().min(1).max(86_400_000).default(fallback);

const Gpu = z.strictObject({
  type: z.string().regex(/^[a-z0-9][a-z0-9-]{0,59}$/, 'must be lower-case letters, digits and "-"'),
  count: z.int().min(1).max(4096),
  price_per_hour: Amount,
});

const LocalRegion = z.strictObject({
  name: z
    .string()
    .regex(/^[a-z][a-z0-9-]{0,39}$/, 'must begin with a lower-case letter and hold at most 40 of a-z, 0-9 and "-"'),
  kind: z.literal('local'),
  gpus: z.array(Gpu).min(1).max(16),
});
export type LocalRegionConfig = z.output<typeof LocalRegion>;

/** `ecolink.yaml`. Unknown keys are errors; every default stands here. */
export const Config = z.strictObject({
  listen: z
    .string()
    .regex(/^(\[[0-9a-f:]+\]|[\w.-]+):\d{1,5}$/i, 'must be host:port, like "127.0.0.1:8080"')
    .default('127.0.0.1:8080'),
  data: z.string().min(1).default('.eco'),
  database: z.string().min(1).optional(),
  log_level: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']).default('info'),
  drain_ms: ms(30_000),
  /** What happens to local replicas when the server ends: `keep` leaves them to the next one. */
  local_replicas: z.enum(['keep', 'end']).default('keep'),
  regions: z.array(LocalRegion).max(64).default([]),
  gateway: z
    .strictObject({
      connect_timeout_ms: ms(2_000),
      first_token_timeout_ms: ms(120_000),
      idle_timeout_ms: ms(60_000),
      total_timeout_ms: ms(1_800_000),
      stalled_client_timeout_ms: ms(60_000),
      queue_comment_ms: ms(15_000),
      body_max_bytes: z
        .int()
        .min(1024)
        .default(25 * 1024 * 1024),
      body_budget_bytes: z
        .int()
        .min(1024)
        .default(512 * 1024 * 1024),
      journal_fsync: z.enum(['never', 'second', 'always']).default('second'),
    })
    .prefault({}),
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

/** File, then environment, then `overrides` (flags), then defaults. Throws a `ConfigError` that names file, line and field. */
export function readConfig(
  path: string | undefined,
  env: NodeJS.ProcessEnv = process.env,
  overrides: Partial<Config> = {},
): Config {
  const file = path ?? (existsSync('ecolink.yaml') ? 'ecolink.yaml' : undefined);
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
  const at = (keys: readonly PropertyKey[]) => `${file}${lineOf(keys) === undefined ? '' : `:${lineOf(keys)}`}`;
  if (issue.code === 'unrecognized_keys')
    return issue.keys
      .map((key) => `${at([...issue.path, key])}: unknown setting "${[...issue.path, key].join('.')}"`)
      .join('\n');
  return `${at(issue.path)}: ${issue.path.join('.') || 'settings'}: ${issue.message}`;
}
