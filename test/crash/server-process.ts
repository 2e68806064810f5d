import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeKey } from '../../server/accounts/secret-key.ts';
import { freePort } from '../databases.ts';
import { until } from '../until.ts';

const bin = fileURLToPath(new URL('../../bin/eco.js', import.meta.url));

/** An installation whose server is a process of its own, so that it can be killed and started again. */
export interface Installation {
  url: string;
  adminKey: string;
  start(): Promise<ServerProcess>;
}

export interface ServerProcess {
  /** SIGKILL, and waits until it is dead. */
  kill(): Promise<void>;
  /** SIGTERM, and waits; throws when it does not end well. */
  stop(): Promise<void>;
}

const START_TIMEOUT_MS = 30_000;

const LOCAL_REGIONS = ['local-a', 'local-b'].map((name) => ({
  name,
  kind: 'local',
  gpus: [{ type: 'l4', count: 16, price_per_hour: '0.80' }],
}));

export async function makeInstallation(
  directory: string,
  database: string,
  regions: readonly object[] = LOCAL_REGIONS,
): Promise<Installation> {
  const url = `http://127.0.0.1:${await freePort()}`;
  const adminKey = makeKey('ecoadmin_');
  const config = join(directory, 'ecolink.yaml');
  const settings = {
    listen: url.replace('http://', ''),
    data: join(directory, 'data'),
    database,
    log_level: 'warn',
    drain_ms: 5_000,
    regions,
  };
  writeFileSync(config, JSON.stringify(settings)); // JSON is YAML
  const environment = { ...process.env, ECO_ADMIN_KEY: adminKey, ECO_CONFIG_DIR: join(directory, 'config') };
  return { url, adminKey, start: () => startProcess(config, environment, url) };
}

async function startProcess(config: string, env: NodeJS.ProcessEnv, url: string): Promise<ServerProcess> {
  const child = spawn(process.execPath, [bin, 'serve', '--config', config], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env,
  });
  let errors = '';
  child.stderr.on('data', (chunk) => {
    errors += chunk;
  });
  const exited = once(child, 'exit');
  await until(
    'the server is ready',
    async () => {
      if (child.exitCode !== null) throw new Error(`the server ended with ${child.exitCode}: ${errors}`);
      return fetch(`${url}/ready`).then(
        (response) => response.ok,
        () => false,
      );
    },
    START_TIMEOUT_MS,
  );
  return {
    async kill() {
      child.kill('SIGKILL');
      await exited;
    },
    async stop() {
      child.kill('SIGTERM');
      await exited;
      if (!endedWell(child)) throw new Error(`the server ended with ${child.exitCode ?? child.signalCode}: ${errors}`);
    },
  };
}

const endedWell = ({ exitCode }: ChildProcess) => exitCode === 0;
