import { type Config, configFile, readConfig } from './config.ts';
import { openLog } from './log.ts';
import { startServer } from './serve.ts';
import { firstSignal } from './signals.ts';
import { watchConfig } from './watch-config.ts';

/** After the drain itself, how long closing may take before the process ends all the same. */
const LAST_RESORT_MS = 10_000;

export interface Settings {
  /** `--config`. */
  path: string | undefined;
  /** Flags, which go before the environment and the file. */
  overrides: Partial<Config>;
}

/** Runs a server until a signal: the first drains, a second ends at once. Throws a `ConfigError` where a setting is wrong. */
export async function main(
  { path, overrides }: Settings,
  ready: (server: { url: string; newAdminKey: string | undefined }) => void,
): Promise<void> {
  const file = configFile(path);
  const read = () => readConfig(file, process.env, overrides);
  const config = read();
  const log = openLog(config.log_level);
  const server = await startServer(config, log);
  const { changeRegions } = server.context;
  const watch = file === undefined ? undefined : watchConfig({ file, read, config, changeRegions, log });
  const stopped = firstSignal(); // who hears that it is ready may stop it at once
  ready({ url: server.url, newAdminKey: server.context.secrets.newAdminKey });
  const signal = await stopped;
  log.info({ signal }, 'draining');
  setTimeout(() => process.exit(1), config.drain_ms + LAST_RESORT_MS).unref();
  await watch?.[Symbol.asyncDispose]();
  await server.drain();
  log.info('stopped');
}
