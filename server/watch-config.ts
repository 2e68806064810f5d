import { readFile, stat } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Config } from './config.ts';
import type { Log } from './log.ts';

export interface ConfigWatch {
  /** The file that the server was started with. */
  file: string;
  /** What it says now. Throws a `ConfigError`. */
  read(): Config;
  /** In force since the start. */
  config: Config;
  /** Takes over all of them, or throws and changes nothing. */
  changeRegions(regions: Config['regions']): Promise<void>;
  log: Log;
}

const POLL_MS = 2_000;
/** A file as young as this may be half written. */
const SETTLED_MS = 500;

/**
 * Looks at the file every two seconds and takes over what it says of Kubernetes regions; of all else that was changed
 * it says that it needs a restart. What cannot be taken over is logged once, and everything stays as it is; a change
 * that is right in itself, and fails for a kubeconfig that is not there yet say, is tried until it succeeds.
 */
export function watchConfig({ file, read, config, changeRegions, log }: ConfigWatch): AsyncDisposable {
  const closing = new AbortController();
  let done: string | undefined;
  let complaint = '';
  const take = async (text: string) => {
    const wanted = read();
    await changeRegions(wanted.regions);
    const waiting = needsRestart(config, wanted);
    if (waiting.length > 0) log.warn({ file, settings: waiting }, 'settings were changed that need a restart');
    else if (done !== undefined) log.info({ file }, 'configuration taken over');
    done = text;
    complaint = '';
  };
  const complain = (error: unknown) => {
    const message = error instanceof Error ? error.message : String(error);
    if (message !== complaint)
      log.error({ file, problem: message }, 'configuration not taken over; all stays as it is');
    complaint = message;
  };
  const look = async () => {
    try {
      const text = await readSettled(file);
      if (text !== undefined && text !== done) await take(text);
    } catch (error) {
      complain(error);
    }
  };
  const watching = (async () => {
    while (!closing.signal.aborted) {
      await look();
      await sleep(POLL_MS, undefined, { signal: closing.signal }).catch(() => {});
    }
  })();
  return {
    async [Symbol.asyncDispose]() {
      closing.abort();
      await watching;
    },
  };
}

/** Undefined while somebody may still be writing it. */
async function readSettled(file: string): Promise<string | undefined> {
  const { mtimeMs } = await stat(file);
  const age = Date.now() - mtimeMs;
  return age >= 0 && age < SETTLED_MS ? undefined : readFile(file, 'utf8');
}

/** Names of settings that are not as they were at the start and are read only then. */
export function needsRestart(before: Config, now: Config): string[] {
  return differences({ ...before, regions: localOf(before) }, { ...now, regions: localOf(now) });
}

/** Local regions by name: their replicas are processes of this server. */
const localOf = ({ regions }: Config) =>
  Object.fromEntries(regions.filter(({ kind }) => kind === 'local').map((region) => [region.name, region]));

/** Two levels deep: `gateway.idle_timeout_ms`, `regions.here`. */
function differences(before: object, now: object, prefix = ''): string[] {
  const [a, b] = [before, now] as [Record<string, unknown>, Record<string, unknown>];
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].flatMap((key) => {
    if (JSON.stringify(a[key]) === JSON.stringify(b[key])) return [];
    return prefix === '' && isRecord(a[key]) && isRecord(b[key])
      ? differences(a[key], b[key], `${key}.`)
      : [`${prefix}${key}`];
  });
}

const isRecord = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
