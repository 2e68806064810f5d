import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { step } from './print.ts';

const bin = fileURLToPath(new URL('../../bin/eco.js', import.meta.url));

export interface RunningDev extends AsyncDisposable {
  url: string;
  api_key: string;
  admin_key: string;
  pid: number;
}

/** `eco dev --json` in a folder of its own, ended with the scope. What ends this process ends it, and then nothing more can be asked. */
export async function startDev(directory: string): Promise<RunningDev> {
  const args = [bin, 'dev', '--json', '--port', '0', '--data', join(directory, 'data')];
  const child = spawn(process.execPath, args, {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, ECO_CONFIG_DIR: join(directory, 'config') },
  });
  const exited = once(child, 'exit');
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => child.kill(signal));
  const [line] = await Promise.race([
    once(createInterface(child.stdout), 'line'),
    exited.then(() => {
      throw new Error('eco dev ended before it was ready');
    }),
  ]);
  return {
    ...JSON.parse(String(line)),
    async [Symbol.asyncDispose]() {
      child.kill('SIGINT');
      await exited;
    },
  };
}

/** Runs one `eco` command as a person would, its output on this screen. */
export async function eco(dev: RunningDev, args: string[], { admin = false } = {}): Promise<void> {
  step(`eco ${args.join(' ')}`);
  const env = { ...process.env, ECO_API_URL: dev.url, ECO_API_KEY: admin ? dev.admin_key : dev.api_key };
  const child = spawn(process.execPath, [bin, ...args], { stdio: ['ignore', 'inherit', 'inherit'], env });
  const [code] = await once(child, 'exit');
  if (code !== 0) throw new Error(`eco ${args.join(' ')} ended with exit code ${code}`);
}
