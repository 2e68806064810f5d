import type { Config } from './config.ts';
import { openLog } from './log.ts';
import { startServer } from './serve.ts';
import { firstSignal } from './signals.ts';

/** After the drain itself, how long closing may take before the process ends all the same. */
const LAST_RESORT_MS = 10_000;

/** Runs a server until a signal: the first drains, a second ends at once. */
export async function main(
  config: Config,
  ready: (server: { url: string; newAdminKey: string | undefined }) => void,
): Promise<void> {
  const log = openLog(config.log_level);
  const server = await startServer(config, log);
  ready({ url: server.url, newAdminKey: server.context.secrets.newAdminKey });
  const signal = await firstSignal();
  log.info({ signal }, 'draining');
  setTimeout(() => process.exit(1), config.drain_ms + LAST_RESORT_MS).unref();
  await server.drain();
  log.info('stopped');
}
